import { describe, expect, test } from "vitest";
import { type FileClaim, type FileSight, kinshipOf, type Sought } from "../../../src/presence/kinship.ts";

const gone: FileSight = { names: [], file: "" };
const release1: FileSight = { names: ["1:10/Context.xml"], file: "1:11" };
const release2: FileSight = { names: ["1:20/Context.xml"], file: "1:21" };

function claim(now: FileSight, first = release1, path = "/srv/current/Context.xml"): FileClaim {
  return { path, first, now, mounts: "mnt:[1]" };
}

function sought(path: string, sight: FileSight, mounts = "mnt:[1]"): Sought {
  return { path, sight, mounts };
}

describe("a provider whose link was switched to another release", () => {
  const switched = claim(release2);

  test.each([
    ["the path it was started with", "/srv/current/Context.xml", release2, "same path"],
    ["the release it was started from", "/srv/releases/1/Context.xml", release1, "same file"],
    ["the release that it runs by now", "/srv/releases/2/Context.xml", release2, "same file"],
  ])("is found by %s", (_, path, sight, kinship) => {
    expect(kinshipOf(switched, sought(path, sight))).toBe(kinship);
  });

  test("is not that of a third release", () => {
    const release3: FileSight = { names: ["1:30/Context.xml"], file: "1:31" };

    expect(kinshipOf(switched, sought("/srv/releases/3/Context.xml", release3))).toBe("none");
  });
});

test("another file at the same path is seen by another container, and is not the provider's", () => {
  const other: FileSight = { names: ["2:10/Context.xml"], file: "2:11" };

  expect(kinshipOf(claim(release1), sought("/srv/current/Context.xml", other, "mnt:[2]"))).toBe("none");
});

describe("a folder that is gone", () => {
  const path = "/srv/current/Context.xml";

  test("leaves its provider to those who name its path", () => {
    expect(kinshipOf(claim(gone), sought(path, gone))).toBe("same path");
    expect(kinshipOf(claim(gone), sought("/srv/other/Context.xml", gone))).toBe("none");
  });

  test("is the provider's only where the path means the same", () => {
    expect(kinshipOf(claim(gone), sought(path, gone, "mnt:[2]"))).toBe("none");
    expect(kinshipOf(claim(release1), sought(path, gone))).toBe("none");
  });
});

describe("a file that has another name by now", () => {
  const renamed: FileSight = { names: ["1:10/New.xml"], file: "1:11" };

  test("is still its provider's", () => {
    const now: FileSight = { names: release1.names, file: "" };

    expect(kinshipOf(claim(now), sought("/srv/releases/1/New.xml", renamed))).toBe("same file");
  });

  test("is another one where it has both names, as releases share files by hard links", () => {
    expect(kinshipOf(claim(release1), sought("/srv/releases/1/New.xml", renamed))).toBe("none");
  });
});

test("a file that an editor has saved is the same", () => {
  const saved: FileSight = { ...release1, file: "1:12" };

  expect(kinshipOf(claim(saved), sought("/srv/current/Context.xml", saved))).toBe("same path");
});

test("another file of the same folder is another one, and so is a copy", () => {
  expect(kinshipOf(claim(release1), sought("/srv/1/Other.xml", { names: ["1:10/Other.xml"], file: "1:12" }))).toBe(
    "none",
  );
  expect(kinshipOf(claim(release1), sought("/srv/copy/Context.xml", release2))).toBe("none");
});
