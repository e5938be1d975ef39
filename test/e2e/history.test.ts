// What a provider keeps of its tasks, and what is told of it later: the built commands.
import { readdir, rm, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { readHistory } from "../../src/history/reader.ts";
import type { HistoryRecord } from "../../src/history/records.ts";
import { plainName } from "../../src/history/segments.ts";
import type { History, Transition } from "../../src/http/contract/api.ts";
import { BOUND_MS } from "../support/bound.ts";
import { type RunningCommand, run, startCommand } from "../support/command.ts";
import { contextXml } from "../support/context.ts";
import { waits } from "../support/dashboard.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

const FILE = "Context-Test.xml";

async function makeContext(): Promise<Folder> {
  return makeFolder({ [FILE]: contextXml([waits]) });
}

async function recordsIn(folder: string): Promise<HistoryRecord[]> {
  const records: HistoryRecord[] = [];
  for await (const record of readHistory(folder)) records.push(record);
  return records;
}

function startProvider(folder: Folder, ...words: string[]): RunningCommand {
  return startCommand("service-context", [folder.at(FILE), "--start", "T1", ...words]);
}

/** Resolves when the monitor, which samples once a second, has published what the provider keeps. */
async function untilSampled(folder: Folder): Promise<void> {
  const { code } = await run("context-monitor", ["--context_file", folder.at(FILE), "--once", "--wait"]);
  expect(code).toBe(0);
}

async function leave(provider: RunningCommand): Promise<void> {
  provider.signal("SIGTERM");
  expect(await provider.exit).toBe(0);
}

describe("service-context --history", () => {
  test("keeps figures, steps and its own beginning and end beside the journal", async () => {
    await using folder = await makeContext();
    await using provider = startProvider(folder, "--history");
    await untilSampled(folder);
    await leave(provider);

    const records = await recordsIn(folder.at(".zcontext", "Context-Test.history"));

    const kinds = records.map(({ kind }) => kind);
    expect(records[0]).toMatchObject({ kind: "provider", event: "begin", pid: provider.pid });
    expect(records.at(-1)).toMatchObject({ kind: "provider", event: "end", pid: provider.pid });
    expect(new Set(kinds)).toEqual(new Set(["provider", "transition", "figures", "states"]));
    const figures = records.find(({ kind }) => kind === "figures");
    expect(figures).toMatchObject({ transaction: "T1", tasks: { waits: [expect.any(Number), expect.any(Number)] } });
    expect(records.find(({ kind }) => kind === "states")).toMatchObject({ tasks: { waits: ["running", 1] } });
  });

  test("shares a folder with the providers of other files", async () => {
    await using folder = await makeContext();
    await using provider = startProvider(folder, "--history", folder.at("kept"));
    await provider.stderr.first((line) => line.includes("history kept"));
    await leave(provider);

    expect(await readdir(folder.at("kept"))).toEqual([expect.stringMatching(/^Context-Test-[0-9a-f]{8}\.history$/)]);
  });

  test("supervises where nothing can be kept, and says so once", async () => {
    await using folder = await makeContext();
    await folder.write("taken", "a file");
    await using provider = startProvider(folder, "--history", folder.at("taken"));
    await untilSampled(folder);
    await leave(provider);

    const warnings = provider.stderr.all.filter((line) => line.includes("history can't be written"));
    expect(warnings).toHaveLength(1);
    expect(provider.stderr.all.some((line) => line.includes("history lacks what came last"))).toBe(true);
  });

  test("refuses a size that is none, or too small, or for nothing", async () => {
    await using folder = await makeContext();
    const refusal = async (...words: string[]) => {
      const { code, stderr } = await run("service-context", [folder.at(FILE), ...words]);
      return [code, stderr.join("\n")];
    };

    expect(await refusal("--history", "--history-size", "3")).toEqual([2, expect.stringContaining("4 or more")]);
    expect(await refusal("--history", "--history-size", "much")).toEqual([2, expect.stringContaining("4 or more")]);
    expect(await refusal("--history-size", "64")).toEqual([2, expect.stringContaining("requires --history")]);
  });
});

/** What is asked for of a history: the records that `--json` prints. */
async function lookBack(folder: Folder, ...words: string[]): Promise<HistoryRecord[]> {
  const options = ["--context_file", folder.at(FILE), "--since", "1h", "--json", ...words];
  const { code, stdout } = await run("context-monitor", options);
  expect(code).toBe(0);
  return stdout.map((line) => JSON.parse(line) as HistoryRecord);
}

/** Resolves when a sample of a provider's own time is in the files. */
async function untilKept(folder: Folder, { pid }: RunningCommand): Promise<void> {
  const isKept = async () => {
    const records = await recordsIn(folder.at(".zcontext", "Context-Test.history"));
    const from = records.findIndex((record) => record.kind === "provider" && record.pid === pid);
    return from !== -1 && records.slice(from).some(({ kind }) => kind === "figures");
  };
  await expect.poll(isKept, { timeout: BOUND_MS }).toBe(true);
}

test("the dashboard of a provider that is started again shows what was before", async () => {
  await using folder = await makeContext();
  await using first = startProvider(folder, "--history");
  await untilKept(folder, first);
  await leave(first);
  await using second = startProvider(folder, "--history", "--http", "0");
  const ready = await second.stderr.first((line) => line.includes("dashboard ready"));
  const [, url = ""] = /url=(\S+)/.exec(ready) ?? [];
  const get = async (path: string) => (await fetch(`${url}${path}`)).json();

  const transitions = (await get("api/transitions")) as Transition[];
  const day = (await get("api/history?transaction=T1&since=86400")) as History;

  expect(await get("api/state")).toMatchObject({ keepsHistory: true });
  expect(transitions.map(({ to }) => to)).toContain("stopped");
  expect(day.tasks.waits?.residentBytes[0]).toEqual(expect.any(Number));
});

describe("context-monitor --since", () => {
  test("tells what was before its provider was killed, and after", async () => {
    await using folder = await makeContext();
    await using first = startProvider(folder, "--history");
    await untilKept(folder, first);
    first.signal("SIGKILL");
    expect(await first.exit).toBe("SIGKILL");
    await using second = startProvider(folder, "--history");
    await untilKept(folder, second);

    const records = await lookBack(folder);
    const report = await run("context-monitor", ["--context_file", folder.at(FILE), "--since", "1h"]);
    await leave(second);
    const later = await lookBack(folder, "--transaction", "T1");

    const begins = records.flatMap((record, index) =>
      record.kind === "provider" && record.event === "begin" ? [{ index, pid: record.pid }] : [],
    );
    expect(begins.map(({ pid }) => pid)).toEqual([first.pid, second.pid]);
    const split = begins[1]?.index as number;
    for (const part of [records.slice(0, split), records.slice(split)]) {
      expect(part.some((record) => record.kind === "figures" && "waits" in record.tasks)).toBe(true);
      expect(part.some((record) => record.kind === "transition" && record.to === "running")).toBe(true);
    }
    expect(report.code).toBe(0);
    expect(report.stdout.join("\n")).toMatch(/^waits +\S running +2 +/m);
    expect(report.stdout.join("\n")).toMatch(/^no provider from .*: it was killed$/m);
    expect(later.length).toBeGreaterThan(records.length);
    expect(later.at(-1)).toMatchObject({ kind: "provider", event: "end" });
  });

  test("finds what was kept elsewhere by the context file, by its own folder, and where it is the only one", async () => {
    await using folder = await makeContext();
    await using provider = startProvider(folder, "--history", folder.at("kept"));
    await untilSampled(folder);
    await leave(provider);
    const [own = ""] = await readdir(folder.at("kept"));

    const codes = await Promise.all(
      [
        ["--context_file", folder.at(FILE), "--history", folder.at("kept")],
        ["--history", folder.at("kept", own)],
        ["--history", folder.at("kept")],
      ].map(async (words) => (await run("context-monitor", [...words, "--since", "1h"])).code),
    );

    expect(codes).toEqual([0, 0, 0]);
  });

  test("says that nothing was kept, and how it would be", async () => {
    await using folder = await makeContext();
    const asked = ["--context_file", folder.at(FILE), "--since", "1h"];

    const { code, stderr } = await run("context-monitor", asked);
    const asJson = await run("context-monitor", [...asked, "--json"]);

    expect(code).toBe(1);
    expect(stderr[0]).toContain("nothing was kept since 1h");
    expect(stderr[1]).toContain("Run service-context with --history");
    expect(asJson.code).toBe(1);
    expect(JSON.parse(asJson.stdout.join(""))).toMatchObject({ code: "ERR_TRANSACTION_UNKNOWN" });
  });

  test("says what is wrong with what it is given", async () => {
    await using folder = await makeFolder({
      [FILE]: contextXml([waits]),
      [`foreign/${plainName(1)}`]: "of somebody else\n",
      [`two/one.history/${plainName(1)}`]: "",
      [`two/other.history/${plainName(1)}`]: "",
    });
    const told = async (...words: string[]) => {
      const { code, stderr } = await run("context-monitor", words);
      return [code, stderr.join("\n")];
    };
    const file = ["--context_file", folder.at(FILE)];

    expect(await told(...file, "--since", "soon")).toEqual([2, expect.stringContaining("expected 90s, 15m, 1h")]);
    expect(await told("--since", "1h")).toEqual([2, expect.stringContaining("where is the history?")]);
    expect(await told(...file, "--history", folder.path)).toEqual([
      2,
      expect.stringContaining("--history requires --since"),
    ]);
    expect(await told(...file, "--since", "1h", "--once")).toEqual([2, expect.stringContaining("'--once'")]);
    expect(await told(...file, "--since", "1h", "--wait")).toEqual([2, expect.stringContaining("'--wait'")]);
    expect(await told("--since", "1h", "--history", folder.at("none"))).toEqual([2, expect.stringContaining("ENOENT")]);
    expect(await told("--since", "1h", "--history", folder.at(FILE))).toEqual([
      2,
      expect.stringContaining("it is not a folder"),
    ]);
    expect(await told("--since", "1h", "--history", folder.at("two"))).toEqual([
      2,
      expect.stringMatching(/there are 2 histories[\s\S]*one\.history[\s\S]*other\.history/),
    ]);
    expect(await told("--since", "1h", "--history", folder.at("foreign"))).toEqual([
      1,
      expect.stringMatching(/is passed over: no line of it is a record[\s\S]*nothing was kept/),
    ]);
    expect(await told("--since", "1h", "--context_file", folder.at("none.xml"))).toEqual([
      2,
      expect.stringContaining("cannot read the context file"),
    ]);
  });
});

test.each([
  ["broken", (file: string) => writeFile(file, "<Context>")],
  ["gone", (file: string) => rm(file)],
])("what was kept is shown for a file that is %s", async (_, spoil) => {
  await using folder = await makeContext();
  await using provider = startProvider(folder, "--history");
  await untilSampled(folder);
  await spoil(folder.at(FILE));
  const since = ["--context_file", folder.at(FILE), "--since", "1h"];

  const during = await run("context-monitor", since);
  await leave(provider);
  const after = await run("context-monitor", since);
  await rm(folder.at(".zcontext"), { recursive: true });
  const without = await run("context-monitor", since);

  for (const { code, stdout } of [during, after])
    expect({ code, text: stdout.join() }).toMatchObject({ code: 0, text: expect.stringContaining("waits") });
  expect(without.code).toBeGreaterThan(0);
  expect(without.stderr.at(-1)).toMatch(/^hint: .*--history/);
});
