// The documentation against the code: messages against the codec, states and elements against their tables, paths and
// folders against the repository.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { CONTEXT_SHAPE, TASK_SERVICE_SHAPE } from "../../src/config/grammar.ts";
import { decodeFrame, encodeFrame } from "../../src/protocol/codec.ts";
import { isObject } from "../../src/protocol/json.ts";
import { readMessage, stampOf } from "../../src/protocol/message.ts";
import { readFromTask } from "../../src/protocol/pipe.ts";
import { TASK_STATES, wordsFor } from "../../src/protocol/task-state.ts";
import { GUARANTEES } from "../../tools/context-bus/guarantees.ts";
import { blocksOf, readDocument, rowsOf, sectionOf } from "../support/readme.ts";

const blocks = blocksOf(readDocument("docs/protocol.md")).map((block) => ({ ...block, text: block.lines.join("\n") }));
const frames = blocks
  .filter(({ language }) => language === "text")
  .map(({ section, text }) => [`${text.split(" ")[0]} under “${section}”`, Buffer.from(text)] as const);
const values = blocks.filter(({ language }) => language === "json");

describe("in docs/protocol.md", () => {
  test.each(frames)("the frame %s is decoded and encoded without a change", (_, bytes) => {
    expect(encodeFrame(decodeFrame(bytes)).toString()).toBe(bytes.toString());
  });

  test.each(frames)("the frame %s is understood", (_, bytes) => {
    const frame = decodeFrame(bytes);

    // Only listeners read these; they are not messages to a provider.
    if (["monitor", "overview", "transition"].includes(frame.topic)) expect(isObject(frame.body)).toBe(true);
    else if (frame.topic === "temperature") expect(stampOf(frame)).toBeDefined();
    else expect(readMessage(frame)).toMatchObject({ header: { action: expect.stringMatching(/^\w+$/) } });
  });

  test.each(values)("the value under “$section” is JSON", ({ text }) => {
    expect(isObject(JSON.parse(text))).toBe(true);
  });

  test("what a task sends on its pipe is understood", () => {
    const sent = values
      .map(({ text }) => JSON.stringify(JSON.parse(text)))
      .filter((line) => /"(announce|ending)"/.test(line));

    expect(sent.map(readFromTask)).toMatchObject([
      { type: "announce", sequence: 1 },
      { type: "ending", reason: "the probe is loose" },
    ]);
  });

  test("every kind of message has its example", () => {
    const actions = frames.flatMap(([, bytes]) => {
      const { topic, body } = decodeFrame(bytes);
      return ["monitor", "overview", "temperature", "transition"].includes(topic)
        ? topic
        : [topic, readMessage({ topic, body }).header.action].join(" ");
    });

    expect([...new Set(actions)].sort()).toEqual([
      "context apply",
      "context exit",
      "context start",
      "context stop",
      "control applied",
      "control created",
      "control ended",
      "control exited",
      "control failed",
      "control not_restarted",
      "control refused",
      "control started",
      "control throttled",
      "control update",
      "control updated",
      "monitor",
      "overview",
      "process start",
      "process stop",
      "state plan",
      "state reply_context",
      "state reply_plan",
      "state reply_top",
      "state request",
      "state top",
      "temperature",
      "transition",
    ]);
  });

  test("every task state has a row, with the words that people see", () => {
    const [, states = ""] = readDocument("docs/protocol.md").split("\n| state | shown as |");

    expect(rowsOf(`| state | shown as |${states}`).map(([state, words]) => [state, words])).toEqual(
      expect.arrayContaining(TASK_STATES.map((state) => [`\`${state}\``, wordsFor(state)])),
    );
    expect(rowsOf(`| state | shown as |${states}`)).toHaveLength(TASK_STATES.length);
  });
});

describe("docs/context-file.md", () => {
  const namesUnder = (heading: string) =>
    rowsOf(sectionOf(readDocument("docs/context-file.md"), heading)).flatMap(([cell = ""]) =>
      [...cell.matchAll(/`@?([^`/]+)[^`]*`/g)].map(([, name = ""]) => name),
    );

  test("has a row for every element below a Context, but for the one that nothing reads", () => {
    const { MonitorEndpoint: _, ...elements } = CONTEXT_SHAPE.children ?? {};

    expect(namesUnder("## Elements").sort()).toEqual(Object.keys(elements).sort());
  });

  test("has a row for every part of a TaskService", () => {
    const { attributes = [], children = {} } = TASK_SERVICE_SHAPE;

    expect(new Set(namesUnder("## A task service"))).toEqual(
      new Set([...attributes, ...Object.keys(children), "Supervision"]),
    );
  });
});

describe.each(["README.md", "docs/recipes.md", "docs/tutorial.md"])("%s", (document) => {
  test("names no verb of zcontext that docs/commands.md does not have", () => {
    const known = new Set(
      [...readDocument("docs/commands.md").matchAll(/^\| `([^|]*)` \|/gm)].flatMap(([, verbs = ""]) =>
        verbs.split(/`, `| /),
      ),
    );
    const named = [...readDocument(document).matchAll(/\bzcontext ([a-z][a-z-]*)/g)].map(([, verb = ""]) => verb);

    expect(known).toContain("logs");
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((verb) => !known.has(verb) && !WORDS_BEHIND.has(verb))).toEqual([]);
  });
});

/** What follows the name in a sentence. */
const WORDS_BEHIND = new Set(["runs", "succeeds", "is"]);

test("docs/messaging.md has the guarantees that the command prints", () => {
  const rows = rowsOf(sectionOf(readDocument("docs/messaging.md"), "## Guarantees"));

  expect(rows).toEqual(GUARANTEES.map(({ promise, holds }) => [promise, holds]));
  expect(rows.length).toBeGreaterThan(10);
});

// --- the repository ----------------------------------------------------------------------------------------------------

const root = join(import.meta.dirname, "../..");

/** Folders below this one that hold code, and itself. */
function codeFolders(folder: string): string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return [...new Set(files.filter((file) => file.endsWith(".ts")).map((file) => dirname(join(folder, file))))];
}

/** What looks like a path of the repository in the running text of a document; `<command>` stands for any command. */
function pathsIn(document: string): string[] {
  const places = "src|tools|web|test|bench|scripts|docs|conf|templates|services|\\.ci|README\\.md";
  return [...readDocument(document).matchAll(/`([^`\s]+)`/g)]
    .map(([, path = ""]) => path.replaceAll("<command>", "conf-command"))
    .filter((path) => new RegExp(`^(${places})(/|$)`).test(path));
}

describe.each(["docs/architecture.md", "CONTRIBUTING.md"])("%s", (document) => {
  test("names no path that does not exist", () => {
    const paths = pathsIn(document);

    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe("the diagram of docs/architecture.md", () => {
  const [diagram] = blocksOf(readDocument("docs/architecture.md")).filter(({ section }) => section === "Imports");
  const lines = diagram?.lines.map((line) => line.split(/ +/)) ?? [];
  const lineOf = (folder: string) => lines.findIndex((folders) => folders.includes(folder));
  const folders = ["src", "tools", "web"].flatMap(codeFolders);

  test("has every folder of src, tools and web once", () => {
    expect(lines.flat().sort()).toEqual(folders.sort());
  });

  test("has every folder of the table above it, and no other", () => {
    const rows = rowsOf(sectionOf(readDocument("docs/architecture.md"), "## Folders"));

    expect(rows.flatMap(([cell = ""]) => cell.replaceAll("`", "").split(", ")).sort()).toEqual(folders.sort());
  });

  test("has imports going down only", () => {
    const files = folders.flatMap((folder) =>
      readdirSync(join(root, folder))
        .filter((name) => name.endsWith(".ts"))
        .map((name) => join(folder, name)),
    );
    const imports = files
      .filter((file) => file !== "src/index.ts")
      .flatMap((file) =>
        [...readFileSync(join(root, file), "utf8").matchAll(/\bfrom "(\.[^"]+)"/g)].map(([, to = ""]) => ({
          file,
          to: relative(root, join(root, dirname(file), dirname(to))),
        })),
      );

    expect(imports.length).toBeGreaterThan(100);
    expect(imports.filter(({ file, to }) => dirname(file) !== to && lineOf(dirname(file)) >= lineOf(to))).toEqual([]);
  });
});
