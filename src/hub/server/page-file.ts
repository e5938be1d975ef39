// Reads the page of the hub, which the build has put into one file.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Page, policyOf } from "../../http/page.ts";

export function readHubPage(): Page {
  const html = readFileSync(createRequire(import.meta.url).resolve("#hub-page"), "utf8");
  return { html, policy: policyOf(html) };
}
