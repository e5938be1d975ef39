// README.md taken apart, so that tests can hold it against what is there.
import { readFileSync } from "node:fs";

export interface Block {
  /** The heading it stands under. */
  section: string;
  /** `sh`, `ts`, or nothing: what a command prints. */
  language: string;
  lines: string[];
}

/** The repository's README.md, or another file of it. */
export function readDocument(name = "README.md"): string {
  return readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
}

/** The fenced blocks of a Markdown text, in their order. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let section = "";
  let open: Block | undefined;
  for (const line of markdown.split("\n")) {
    const fence = /^```(\w*)$/.exec(line);
    if (fence !== null && open === undefined) open = { section, language: fence[1] ?? "", lines: [] };
    else if (fence !== null && open !== undefined) {
      blocks.push(open);
      open = undefined;
    } else if (open !== undefined) open.lines.push(line);
    else section = /^#+ (.*)$/.exec(line)?.[1] ?? section;
  }
  return blocks;
}

/** The commands of a block, those that go on behind a backslash in one line. */
export function commandsOf({ lines }: Block): string[] {
  return lines
    .join("\n")
    .replace(/ \\\n\s*/g, " ")
    .split("\n");
}

/** The text of a section, from its heading to the next one of the same level. */
export function sectionOf(markdown: string, heading: string): string {
  const [, rest = ""] = markdown.split(`\n${heading}\n`);
  const level = heading.slice(0, heading.indexOf(" "));
  return rest.split(`\n${level} `)[0] ?? "";
}

/** The rows of the first table in a text, without its head; each is its cells. */
export function rowsOf(text: string): string[][] {
  const lines = text.split("\n");
  const from = lines.findIndex((line) => line.startsWith("|"));
  const rows = lines.slice(from).findIndex((line) => !line.startsWith("|"));
  return lines
    .slice(from, rows === -1 ? undefined : from + rows)
    .slice(2)
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}
