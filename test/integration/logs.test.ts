// The logs of a context on a real file system: written, rotated, bounded, read in both directions, followed, and whole again
// after whatever happens to their folder.
import { appendFile, mkdir, open, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { snapshotOf } from "../../src/logs/folder.ts";
import { follow } from "../../src/logs/follower.ts";
import { readBackward, readForward } from "../../src/logs/reader.ts";
import { formatRecord, isGap, type LogRecord } from "../../src/logs/records.ts";
import { createLogWriter, type LogWriterOptions } from "../../src/logs/writer.ts";
import { BOUND_MS } from "../support/bound.ts";
import { recordLog } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { awaitEvents } from "../support/recording.ts";

const KIB = 1_024;
let clock = Date.parse("2026-01-31T12:00:00.000Z");

/** A line of a task; each is a millisecond later than the one before. */
function lineOf(task: string, line: string): string {
  clock += 1;
  const time = new Date(clock).toISOString();
  return formatRecord({ time, task, transaction: "T1", run: 1, stream: "stdout", line });
}

function openWriter(folder: Folder, options: Partial<LogWriterOptions> = {}) {
  const log = recordLog();
  const writer = createLogWriter({
    ...{
      folder: folder.at("logs"),
      fileBytes: 4 * KIB,
      files: 3,
      totalBytes: 1_024 * KIB,
      log,
      gatherMs: 0,
      retryMs: 0,
    },
    gap: (task, lost, reason) => formatRecord({ time: new Date(clock).toISOString(), task, lost, reason }),
    ...options,
  });
  writer.open();
  return { writer, log: log.lines };
}

/** What records say, in their order. */
const said = (record: LogRecord) => (isGap(record) ? `${record.lost} lost` : record.line);

async function textsOf(records: AsyncIterable<LogRecord>): Promise<string[]> {
  const texts: string[] = [];
  for await (const record of records) texts.push(said(record));
  return texts;
}

async function forward(folder: Folder): Promise<string[]> {
  return textsOf(readForward(folder.at("logs"), await snapshotOf(folder.at("logs"))));
}

async function backward(folder: Folder): Promise<string[]> {
  return textsOf(readBackward(folder.at("logs"), await snapshotOf(folder.at("logs"))));
}

const range = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}`);

describe("the files of a task", () => {
  test("have what was written, in its order, across rotation, and no more of them than are wanted", async () => {
    await using folder = await makeFolder();
    await using writer = openWriter(folder).writer;
    for (const text of range(200)) {
      writer.write("a", lineOf("a", text));
      if (text.endsWith("9")) await writer.settled();
    }

    const names = (await readdir(folder.at("logs"))).sort();
    const sizes = await Promise.all(names.map(async (name) => (await stat(folder.at("logs", name))).size));
    const lines = await forward(folder);
    expect(names).toHaveLength(3);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4 * KIB);
    expect(lines.length).toBeGreaterThan(60);
    expect(lines).toEqual(range(200).slice(-lines.length));
    expect(await backward(folder)).toEqual(lines.toReversed());
  });

  test("are bounded otherwise as soon as that is told", async () => {
    await using folder = await makeFolder();
    await using writer = openWriter(folder).writer;
    const writeAll = async () => {
      for (const text of range(200)) {
        writer.write("a", lineOf("a", text));
        if (text.endsWith("9")) await writer.settled();
      }
    };
    const sizes = async () => {
      const names = await readdir(folder.at("logs"));
      return Promise.all(names.map(async (name) => (await stat(folder.at("logs", name))).size));
    };

    await writeAll();
    writer.retain({ fileBytes: 2 * KIB, files: 2, totalBytes: 1_024 * KIB });
    await writeAll();

    expect(await sizes()).toHaveLength(2);
    expect(Math.max(...(await sizes()))).toBeLessThanOrEqual(2 * KIB);
  });

  test("of all tasks together stay within their bound, whatever their number", async () => {
    await using folder = await makeFolder();
    const totalBytes = 64 * KIB;
    await using writer = openWriter(folder, { totalBytes, fileBytes: 8 * KIB, files: 100 }).writer;
    for (let task = 0; task < 40; task += 1) {
      for (const text of range(40)) writer.write(`t${task}`, lineOf(`t${task}`, text));
      await writer.settled();
    }

    const names = await readdir(folder.at("logs"));
    const sizes = await Promise.all(names.map(async (name) => (await stat(folder.at("logs", name))).size));
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(totalBytes);
    expect(names).toContain("t39.log");
    expect(names).not.toContain("t0.log");
  });

  test("go on behind what an earlier provider has left, a line that was cut off included", async () => {
    await using folder = await makeFolder();
    await mkdir(folder.at("logs"));
    await writeFile(folder.at("logs", "a.log"), `${lineOf("a", "before")}{"time":"2026-`);
    await using writer = openWriter(folder).writer;
    writer.write("a", lineOf("a", "after"));
    await writer.settled();

    expect(await forward(folder)).toEqual(["before", "after"]);
    expect(await backward(folder)).toEqual(["after", "before"]);
  });

  test("are read by time across tasks, and from a time on", async () => {
    await using folder = await makeFolder();
    await using writer = openWriter(folder).writer;
    for (const text of ["one", "two", "three"]) {
      writer.write("a", lineOf("a", `a ${text}`));
      writer.write("b", lineOf("b", `b ${text}`));
    }
    await writer.settled();

    const all = ["a one", "b one", "a two", "b two", "a three", "b three"];
    const since = readForward(folder.at("logs"), await snapshotOf(folder.at("logs")), { sinceMs: clock - 2 });
    expect(await forward(folder)).toEqual(all);
    expect(await backward(folder)).toEqual(all.toReversed());
    expect(await textsOf(since)).toEqual(["b two", "a three", "b three"]);
  });

  test("are read backward through lines that are longer than a piece", async () => {
    await using folder = await makeFolder();
    await using writer = openWriter(folder, { fileBytes: 4_096 * KIB }).writer;
    const lines = ["short", "x".repeat(200 * KIB), "between", `${"é".repeat(40_000)}`, "last"];
    for (const text of lines) writer.write("a", lineOf("a", text));
    await writer.settled();

    expect(await backward(folder)).toEqual(lines.toReversed());
    expect(await forward(folder)).toEqual(lines);
  });

  test("hold anything, and only records are believed", async () => {
    await using folder = await makeFolder();
    await mkdir(folder.at("logs"));
    const good = lineOf("a", "good");
    await writeFile(
      folder.at("logs", "a.log"),
      Buffer.concat([Buffer.from([0xff, 0x0a]), Buffer.from(`{}\nnull\n\n${good}`)]),
    );

    expect(await forward(folder)).toEqual(["good"]);
    expect(await backward(folder)).toEqual(["good"]);
  });
});

describe("a log that can't be written", () => {
  /** A writer whose disk is full until it is told otherwise. */
  function openOnFullDisk(folder: Folder, options: Partial<LogWriterOptions> = {}) {
    const disk = { isFull: true };
    const opened = openWriter(folder, {
      async append(file, bytes) {
        if (!disk.isFull) return (await file.write(bytes)).bytesWritten;
        // As a full disk does: it takes what has room, and refuses the rest.
        if ((await file.stat()).size === 0) return (await file.write(bytes.subarray(0, 10))).bytesWritten;
        throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      },
      ...options,
    });
    return { ...opened, disk };
  }

  test("keeps its lines until it can be, tells that once, and again when it is mended", async () => {
    await using folder = await makeFolder();
    const { writer, log, disk } = openOnFullDisk(folder);
    await using _ = writer;
    for (const text of range(3)) writer.write("a", lineOf("a", text));
    for (let attempt = 0; attempt < 3; attempt += 1) await writer.settled();
    expect(log.all.map(({ phrase }) => phrase)).toEqual(["logs of tasks can't be written"]);
    disk.isFull = false;
    await writer.settled();

    expect(await forward(folder)).toEqual(range(3));
    expect(log.all.map(({ phrase }) => phrase)).toEqual([
      "logs of tasks can't be written",
      "logs of tasks are written again",
    ]);
    expect(log.all[0]).toMatchObject({ reason: expect.stringContaining("ENOSPC"), lost: 0 });
  });

  test("loses lines beyond a bound of the memory, and says how many, where, and why", async () => {
    await using folder = await makeFolder();
    const { writer, disk } = openOnFullDisk(folder, { mostWaitingBytes: 1 * KIB, fileBytes: 64 * KIB });
    await using _ = writer;
    const [first = "", ...others] = range(100);
    writer.write("a", lineOf("a", first));
    await writer.settled();
    for (const text of others) writer.write("a", lineOf("a", text));
    disk.isFull = false;
    await writer.settled();
    writer.write("a", lineOf("a", "after"));
    await writer.settled();

    const lines = await forward(folder);
    const [gap] = lines.slice(-2);
    expect(lines.slice(0, -2)).toEqual(range(lines.length - 2));
    expect(gap).toBe(`${100 - (lines.length - 2)} lost`);
    expect(lines.at(-1)).toBe("after");
    expect(writer.lost).toBe(100 - (lines.length - 2));
    expect(await readFile(folder.at("logs", "a.log"), "utf8")).toContain("ENOSPC");
  });

  test("costs other tasks nothing", async () => {
    await using folder = await makeFolder();
    await using writer = openWriter(folder).writer;
    await mkdir(folder.at("logs", "a.log"), { recursive: true });
    writer.write("a", lineOf("a", "in vain"));
    writer.write("b", lineOf("b", "here"));
    await writer.settled();
    expect(await forward(folder)).toEqual(["here"]);

    await rm(folder.at("logs", "a.log"), { recursive: true });
    await writer.settled();
    expect((await forward(folder)).sort()).toEqual(["here", "in vain"]);
  });

  test.each<[string, (folder: Folder) => Promise<void>, (folder: Folder) => Promise<void>]>([
    ["was removed", (folder) => rm(folder.at("logs"), { recursive: true }), async () => {}],
    [
      "was replaced by a file",
      async (folder) => {
        await rm(folder.at("logs"), { recursive: true });
        await writeFile(folder.at("logs"), "");
      },
      (folder) => rm(folder.at("logs")),
    ],
    ["was moved away", (folder) => rename(folder.at("logs"), folder.at("elsewhere")), async () => {}],
  ])("because its folder %s is there again as soon as that is possible", async (_, harm, mend) => {
    await using folder = await makeFolder();
    await using writer = openWriter(folder).writer;
    writer.write("a", lineOf("a", "before"));
    await writer.settled();
    await harm(folder);
    writer.write("a", lineOf("a", "after"));
    await writer.settled();
    await mend(folder);
    await writer.settled();

    expect(await forward(folder)).toEqual(["after"]);
  });

  test("is tried again by itself", async () => {
    await using folder = await makeFolder();
    const { writer, log, disk } = openOnFullDisk(folder, { retryMs: 10 });
    await using _ = writer;
    writer.write("a", lineOf("a", "line"));
    await log.first(({ phrase }) => phrase.includes("can't be written"));
    disk.isFull = false;

    await log.first(({ phrase }) => phrase.includes("written again"));
    expect(await forward(folder)).toEqual(["line"]);
  });
});

describe("whoever follows a log", () => {
  /** Follows from what is there now; `until` resolves with all that has come once this line has. */
  async function startFollowing(folder: Folder, lookMs = BOUND_MS) {
    const left = new AbortController();
    const heard = awaitEvents<string>("what is followed", (text) => text);
    const from = await snapshotOf(folder.at("logs"));
    const done = (async () => {
      for await (const records of follow(folder.at("logs"), from, { signal: left.signal, lookMs }))
        for (const record of records) heard.add(said(record));
    })();
    return {
      async until(text: string): Promise<readonly string[]> {
        await heard.first((each) => each === text);
        return heard.all;
      },
      async [Symbol.asyncDispose]() {
        left.abort();
        await done;
      },
    };
  }

  test("gets each line once, across rotation", async () => {
    await using folder = await makeFolder();
    await using writer = openWriter(folder, { files: 100 }).writer;
    writer.write("a", lineOf("a", "before"));
    await writer.settled();
    await using following = await startFollowing(folder);
    for (const text of range(200)) {
      writer.write("a", lineOf("a", text));
      if (text.endsWith("9")) await writer.settled();
    }

    expect(await following.until("line 199")).toEqual(range(200));
  });

  test("gets what a task says that has said nothing before, in a folder that was not there", async () => {
    await using folder = await makeFolder();
    await using following = await startFollowing(folder, 10);
    await using writer = openWriter(folder).writer;
    writer.write("new", lineOf("new", "hello"));

    expect(await following.until("hello")).toEqual(["hello"]);
  });

  test("goes on when the folder was removed, and when a file was emptied", async () => {
    await using folder = await makeFolder();
    await using writer = openWriter(folder).writer;
    writer.write("a", lineOf("a", "before"));
    await writer.settled();
    await using following = await startFollowing(folder, 10);
    await rm(folder.at("logs"), { recursive: true });
    writer.write("a", lineOf("a", "one"));
    await following.until("one");
    await truncate(folder.at("logs", "a.log"));
    writer.write("a", lineOf("a", "2"));

    expect(await following.until("2")).toEqual(["one", "2"]);
  });

  test("gets a line once it is whole", async () => {
    await using folder = await makeFolder();
    await mkdir(folder.at("logs"));
    await (await open(folder.at("logs", "a.log"), "w")).close();
    await using following = await startFollowing(folder);
    const line = lineOf("a", "in two pieces");
    await appendFile(folder.at("logs", "a.log"), line.slice(0, 30));
    await appendFile(folder.at("logs", "b.log"), lineOf("b", "between"));
    await following.until("between");
    await appendFile(folder.at("logs", "a.log"), line.slice(30));

    expect(await following.until("in two pieces")).toEqual(["between", "in two pieces"]);
  });
});
