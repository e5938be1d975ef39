import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** What each folder may import besides itself; `src` are the files that stand there without a folder. */
const MAY_IMPORT: Record<string, string[]> = {
  src: [],
  "src/config": ["src"],
  "src/protocol": ["src"],
  "src/processes": ["src"],
  "src/bus": ["src", "src/config", "src/protocol", "src/processes"],
  "src/launch": ["src", "src/config", "src/protocol", "src/processes"],
  "src/context": ["src", "src/config", "src/protocol", "src/processes", "src/bus", "src/launch"],
  "src/tasks": ["src", "src/protocol", "src/bus"],
  "src/monitor": ["src", "src/protocol", "src/processes"],
  "src/generator": ["src", "src/config"],
  "src/history": ["src", "src/protocol"],
  "src/http": ["src", "src/config", "src/protocol", "src/history"],
  web: ["src/http"],
  tools: [
    ...["src", "src/config", "src/protocol", "src/bus", "src/launch"],
    ...["src/context", "src/monitor", "src/generator", "src/history", "src/http"],
  ],
  "tools/monitor": ["src", "src/config", "src/protocol", "src/bus", "src/context", "src/history", "tools"],
};

/** A command leads into its room, and nobody else does. */
const DOORSTEPS: Record<string, string> = { "tools/context-monitor.ts": "tools/monitor" };

/** The files through which a library comes in: changing one changes one place. */
const DOORS: Record<string, RegExp> = {
  "@clack/prompts": /^tools\//,
  "@dagrejs/dagre": /^web\/layout\.ts$/,
  "cli-table3": /^tools\/columns\.ts$/,
  commander: /^tools\//,
  diff: /^tools\//,
  esbuild: /^src\/launch\/compile\.ts$/,
  "fast-string-width": /^tools\/monitor\/text\.ts$/,
  "fast-xml-parser": /^src\/config\/xml\.ts$/,
  "fastest-levenshtein": /^src\/config\/suggest\.ts$/,
  handlebars: /^src\/generator\/render\.ts$/,
  "node:child_process": /^src\/(bus\/forwarder|launch\/child)\.ts$/,
  pidusage: /^src\/monitor\/sample\.ts$/,
  pino: /^tools\/log\.ts$/,
  "prom-client": /^src\/http\/metrics\.ts$/,
  saxes: /^src\/config\/xml\.ts$/,
  uplot: /^web\/charts\.ts$/,
  xstate: /^src\/context\/lifecycle\.ts$/,
  zeromq: /^src\/bus\//,
};

/** Files that decide and never touch: no file, socket, child, timer or clock. */
const PURE: RegExp[] = [
  /^src\/(config|protocol)\//,
  /^src\/context\/(lifecycle|dispatch|triggers|throttle|restart|dependencies|transition|move|journal-records|journal-recall|record|report|announcements|verdict|requests)\.ts$/,
  /^src\/launch\/(own-commands|last-words)\.ts$/,
  /^src\/processes\/(stat|cookie|tree)\.ts$/,
  /^src\/generator\/(diagram|context-update|plan)\.ts$/,
  /^tools\/monitor\/(text|news|model|states|view|table-columns|pieces|table|details|lines|since|past-report|past-gaps|past-table)\.ts$/,
  /^src\/history\/(figures|transition|records|segments|track|summary|downsample)\.ts$/,
  /^src\/monitor\/(entries|overview|accounts|figures)\.ts$/,
  /^src\/http\/(wire|source|address|access|routing|ring|last-hour|backlog|state|command|task-states)\.ts$/,
  /^web\/(states|text|layout|event-stream|figures|spans|timeline)\.ts$/,
];
const EDGES = /^node:(fs|net|child_process|timers|worker_threads|os)/;

interface Import {
  from: string;
  to: string;
}

const files = ["src", "tools", "web"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join(folder, path)),
);
const imports: Import[] = files.flatMap((from) =>
  [...readFileSync(join(root, from), "utf8").matchAll(/\b(?:from\s+|import\s*\(?\s*)"([^"\n]+)"/g)].map(
    ([, to = ""]) => ({
      from,
      to,
    }),
  ),
);
const local = imports
  .filter(({ to }) => to.startsWith("."))
  .map(({ from, to }) => ({ from, to: relative(root, join(root, dirname(from), to)) }));
const outside = imports.filter(({ to }) => !to.startsWith("."));

/** The public face names parts of all folders, and nobody inside imports it. */
const FACE = "src/index.ts";

describe("imports", () => {
  test("run one way, from the edges to the pure middle", () => {
    const wrong = local.filter(({ from, to }) => {
      const [here, there] = [dirname(from), dirname(to)];
      return from !== FACE && here !== there && !MAY_IMPORT[here]?.includes(there) && DOORSTEPS[from] !== there;
    });

    expect(wrong).toEqual([]);
  });

  test("never name the public face", () => {
    expect(local.filter(({ to }) => to === FACE)).toEqual([]);
  });

  test("reach every library through its one door", () => {
    const wrong = outside.filter(({ from, to }) => DOORS[to] !== undefined && !DOORS[to].test(from));

    expect(wrong).toEqual([]);
  });

  test("name no library without a door", () => {
    const unknown = outside.filter(({ to }) => !to.startsWith("node:") && DOORS[to] === undefined);

    expect(unknown).toEqual([]);
  });

  test("bring nothing of the world into the pure files", () => {
    const wrong = outside.filter(({ from, to }) => PURE.some((files) => files.test(from)) && EDGES.test(to));

    expect(wrong).toEqual([]);
  });

  test("lead the page to types of the server alone: its code is not the browser's", () => {
    const code = files
      .filter((file) => file.startsWith("web/"))
      .flatMap((file) => [
        ...readFileSync(join(root, file), "utf8").matchAll(/^import (?!type )[^;]*"\.\.\/src[^"]*"/gm),
      ]);

    expect(code.map(([line]) => line)).toEqual([]);
  });

  test("lead from what the tests of users load to no socket", () => {
    const reached = new Set(["src/tasks/rehearse.ts"]);
    for (const here of reached) for (const { from, to } of local) if (from === here) reached.add(to);

    expect(reached).toContain("src/protocol/codec.ts");
    expect([...reached].filter((file) => file.startsWith("src/bus/"))).toEqual([]);
  });

  test("are found at all, so that these rules can fail", () => {
    expect(local.length).toBeGreaterThan(100);
    expect(new Set(outside.map(({ to }) => to))).toContain("zeromq");
  });
});
