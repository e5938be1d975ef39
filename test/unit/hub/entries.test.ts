import { describe, expect, test } from "vitest";
import { MAX_ENTRIES, MAX_UNPACKED_BYTES } from "../../../src/hub/install/bounds.ts";
import { createEntryJudge, type Entry } from "../../../src/hub/install/entries.ts";

const file = (path: string, size = 1): Entry => ({ path, type: "File", size });
const folder = (path: string): Entry => ({ path, type: "Directory", size: 0 });

/** The code that the last of these entries is refused with; undefined where all are taken. */
function refusal(...entries: Entry[]): string | undefined {
  const judge = createEntryJudge();
  for (const entry of entries.slice(0, -1)) judge(entry);
  try {
    judge(entries.at(-1) as Entry);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("an entry of an archive", () => {
  test.each([
    [[file("main.mjs")]],
    [[folder("./"), file("./main.mjs")]],
    [[folder("lib/"), file("lib/a.js"), file("lib/b.js"), folder("lib")]],
    [[file("lib/a.js"), folder("lib/")]],
    [[file("ünï/…/a b.js")]],
    [[file("..a/b..")]],
  ])("that is a file or folder below is taken: %j", (entries) => {
    expect(refusal(...entries)).toBeUndefined();
  });

  test.each([
    "../a",
    "a/../../b",
    "a/..",
    "..",
    "/etc/passwd",
    "//a",
    "C:/a",
    "c:a",
    "a\\b",
    "..\\a",
    "a\0b",
    "a\nb",
    "\u007f",
    "a//b",
    "a/./b",
    "",
    "\ud800",
    "\ufffd",
    "x".repeat(300),
  ])("with the path %j is refused", (path) => {
    expect(refusal(file(path))).toBe("ERR_INSTALL_PATH");
  });

  test.each([
    "Link",
    "SymbolicLink",
    "CharacterDevice",
    "BlockDevice",
    "FIFO",
    "SparseFile",
    "GNUDumpDir",
    "Unsupported",
  ])("that is a %s is refused", (type) => {
    expect(refusal({ path: "a", type, size: 0 })).toBe("ERR_INSTALL_LINK");
  });

  test.each([
    [[file("a"), file("a")]],
    [[file("a"), file("A")]],
    [[file("./a"), file("a")]],
    [[file("\u00e4"), file("a\u0308")]],
    [[file("a"), folder("a/")]],
    [[folder("A"), file("a")]],
    [[file("a"), file("a/b")]],
    [[file("a/b"), file("a")]],
    [[file("a/")]],
  ])("that another one would take the place of is refused: %j", (entries) => {
    expect(refusal(...entries)).toBe("ERR_INSTALL_PATH");
  });

  test("is refused when all together are too large, or too many", () => {
    expect(refusal(file("a", MAX_UNPACKED_BYTES), file("b"))).toBe("ERR_INSTALL_SIZE");
    const many = Array.from({ length: MAX_ENTRIES + 1 }, (_, nr) => file(`${nr}`));
    expect(refusal(...many)).toBe("ERR_INSTALL_SIZE");
  });
});
