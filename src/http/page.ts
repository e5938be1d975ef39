// The one page, as the build has made it: everything in one file. Which script and which style may run in it is said by
// their hashes, so that nothing else ever does.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export interface Page {
  html: string;
  /** For `content-security-policy`. */
  policy: string;
}

export function readPage(): Page {
  const html = readFileSync(createRequire(import.meta.url).resolve("#page"), "utf8");
  return { html, policy: policyOf(html) };
}

/** What a page may do: what stands in it, and asking the server that it came from. */
export function policyOf(html: string): string {
  return [
    "default-src 'none'",
    `script-src ${hashesOf(html, "script").join(" ") || "'none'"}`,
    `style-src ${hashesOf(html, "style").join(" ") || "'none'"}`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
}

function hashesOf(html: string, element: "script" | "style"): string[] {
  const inline = new RegExp(`<${element}[^>]*>([\\s\\S]*?)</${element}>`, "g");
  return [...html.matchAll(inline)].map(
    ([, text = ""]) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`,
  );
}
