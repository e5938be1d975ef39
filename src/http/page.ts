// Reads the page, which the build has put into one file, and makes its content security policy. The policy names script
// and style by their hashes, so that no other script can run in the page.
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

/** Allows what the page contains, and requests to its own server. */
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
