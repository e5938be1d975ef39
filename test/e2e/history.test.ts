// What a provider keeps of its tasks, and what is told of it later: the built commands.
import { readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { readHistory } from "../../src/history/reader.ts";
import type { HistoryRecord } from "../../src/history/records.ts";
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
    expect(await refusal("--history-size", "64")).toEqual([2, expect.stringContaining("for --history")]);
  });
});
