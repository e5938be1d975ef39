// Draws files as a tree of their folders, with a text about each. Pure.
import { basename, dirname, sep } from "node:path";

export interface Leaf {
  /** Below the root. */
  path: string;
  text: string;
}

interface Folder {
  folders: Map<string, Folder>;
  leaves: Leaf[];
}

/** Draws files below a root, folders before files, each in the order of the list. */
export function drawTree(root: string, leaves: readonly Leaf[]): string {
  const top = newFolder();
  for (const leaf of leaves) folderAt(top, dirname(leaf.path)).leaves.push(leaf);
  const lines = linesOf(top);
  const width = Math.max(...lines.map(({ name }) => name.length));
  return [root, ...lines.map(({ name, text }) => (text === "" ? name : `${name.padEnd(width)}  ${text}`))].join("\n");
}

function newFolder(): Folder {
  return { folders: new Map(), leaves: [] };
}

function folderAt(folder: Folder, path: string): Folder {
  return path
    .split(sep)
    .filter((name) => name !== ".")
    .reduce((parent, name) => {
      const child = parent.folders.get(name) ?? newFolder();
      parent.folders.set(name, child);
      return child;
    }, folder);
}

function linesOf({ folders, leaves }: Folder): { name: string; text: string }[] {
  const entries = [
    ...[...folders].map(([name, folder]) => ({ name, text: "", inside: linesOf(folder) })),
    ...leaves.map(({ path, text }) => ({ name: basename(path), text, inside: [] })),
  ];
  return entries.flatMap(({ name, text, inside }, index) => {
    const isLast = index === entries.length - 1;
    return [
      { name: `${isLast ? "└── " : "├── "}${name}`, text },
      ...inside.map((line) => ({ ...line, name: `${isLast ? "    " : "│   "}${line.name}` })),
    ];
  });
}
