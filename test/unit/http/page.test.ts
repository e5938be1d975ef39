import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { policyOf } from "../../../src/http/page.ts";

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

test("a page may run what stands in it, and nothing else", () => {
  const policy = policyOf("<style>a{}</style><p>text</p><script>let a = 1;\n</script>").split("; ");

  expect(policy).toContain(`script-src ${hashOf("let a = 1;\n")}`);
  expect(policy).toContain(`style-src ${hashOf("a{}")}`);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("connect-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy.join()).not.toContain("unsafe");
});
