import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawTree, type Leaf } from "../../../../tools/create-service/file-tree.ts";

function treeOf(...leaves: [path: string, text?: string][]): string[] {
  return drawTree(
    "/root",
    leaves.map(([path, text = ""]) => ({ path, text })),
  ).split("\n");
}

describe("a tree", () => {
  test("has the root first, folders before files, and a word about each file in a column", () => {
    const lines = treeOf(
      ["readme.md", "kept"],
      ["services/Echo/ServiceEcho.ts", "created"],
      ["services/Echo/Echo.ts", "kept  yours"],
      ["services/Listen/index.ts"],
      ["conf/Context-Kitchen.xml", "updated"],
    );

    expect(lines).toEqual([
      "/root",
      "├── services",
      "│   ├── Echo",
      "│   │   ├── ServiceEcho.ts   created",
      "│   │   └── Echo.ts          kept  yours",
      "│   └── Listen",
      "│       └── index.ts",
      "├── conf",
      "│   └── Context-Kitchen.xml  updated",
      "└── readme.md                kept",
    ]);
  });

  test("of one file is two lines", () => {
    expect(treeOf(["a.ts", "created"])).toEqual(["/root", "└── a.ts  created"]);
  });

  test("of nothing is the root", () => {
    expect(treeOf()).toEqual(["/root"]);
  });

  test("names what is outside the root by the way there", () => {
    expect(treeOf(["../home/conf/c.xml", "created"], ["a.ts"])).toEqual([
      "/root",
      "├── ..",
      "│   └── home",
      "│       └── conf",
      "│           └── c.xml  created",
      "└── a.ts",
    ]);
  });

  test("tells a folder from a file of the same name", () => {
    expect(treeOf(["a/b"], ["a"])).toEqual(["/root", "├── a", "│   └── b", "└── a"]);
  });

  test("may have names that objects have", () => {
    expect(treeOf(["constructor/__proto__"], ["toString"])).toEqual([
      "/root",
      "├── constructor",
      "│   └── __proto__",
      "└── toString",
    ]);
  });

  test("has every file once, below its own folders", () => {
    const name = fc.constantFrom("a", "b", "c", "d e", "é");
    const paths = fc.uniqueArray(fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/")));
    fc.assert(
      fc.property(paths, (all) => {
        const leaves: Leaf[] = all.map((path) => ({ path, text: `<${path}>` }));

        const [, ...lines] = drawTree("/root", leaves).split("\n");

        const way: string[] = [];
        const seen = lines.flatMap((line) => {
          const [, branches = "", own = "", text] = /^((?:│ {3}| {4})*)[├└]── (.*?)(?: {2,}<(.*)>)?$/.exec(line) ?? [];
          way.splice(branches.length / 4, way.length, own);
          return text === undefined ? [] : [{ text, path: way.join("/") }];
        });
        expect(seen.map(({ path }) => path)).toEqual(seen.map(({ text }) => text));
        expect(seen.map(({ path }) => path).toSorted()).toEqual(all.toSorted());
      }),
    );
  });
});
