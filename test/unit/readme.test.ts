import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ERROR_CODES } from "../../src/errors.ts";
import { readDocument, rowsOf } from "../support/readme.ts";

const readme = readDocument();
const pages = readdirSync(new URL("../../docs", import.meta.url)).filter((name) => name.endsWith(".md"));

describe("README", () => {
  test("explains every error code, in their order, and no other", () => {
    const rows = rowsOf(readDocument("docs/errors.md"));

    expect(rows.map(([code]) => code)).toEqual(ERROR_CODES.map((code) => `\`${code}\``));
    expect(rows.filter(([, when, what]) => !when || !what)).toEqual([]);
  });

  test.each([...["README.md", "CHANGELOG.md", "CONTRIBUTING.md"], ...pages.map((name) => `docs/${name}`)])(
    "and %s link to nothing that is not there",
    (document) => {
      const text = readDocument(document);
      const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
      const folder = new URL(`../../${document}`, import.meta.url);

      const missing = links.filter(([, file = "", anchor]) => {
        if (file !== "" && !existsSync(new URL(file, folder))) return true;
        return (
          anchor !== undefined &&
          !anchorsOf(file === "" ? text : readFileSync(new URL(file, folder), "utf8")).includes(anchor)
        );
      });

      expect(missing.map(([link]) => link)).toEqual([]);
      if (document === "README.md") expect(links.length).toBeGreaterThan(5);
    },
  );

  test("gives the command of the tests as the continuous integration runs it", () => {
    expect(readme).toContain("```sh\nnpm ci && npm test\n```");
    expect(readDocument(".ci/run")).toContain("npm ci && npm test");
  });
});

/** The anchors that GitHub gives to the headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
