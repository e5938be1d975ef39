// A history on a real file system: written, packed, bounded, read meanwhile, and whole after whatever happens to it.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { access, readdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readHistory } from "../../src/history/reader.ts";
import { formatRecord, type HistoryRecord } from "../../src/history/records.ts";
import { packedName, plainName, unfinishedName } from "../../src/history/segments.ts";
import { createWriter, type WriterOptions } from "../../src/history/writer.ts";
import { recordLog } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { startScript } from "../support/script.ts";

leaveNoProcess();

const KIB = 1_024;

function figuresAt(atMs: number): HistoryRecord {
  return { kind: "figures", transaction: "T1", atMs, tasks: { ts001: [atMs % 100, atMs * 1_000] } };
}

async function openWriter(folder: Folder, options: Partial<WriterOptions> = {}) {
  const log = recordLog();
  const writer = createWriter({
    ...{ folder: folder.at("history"), maxBytes: 64 * KIB, segmentBytes: 4 * KIB, log, retryMs: 0 },
    ...options,
  });
  writer.open();
  return { writer, phrases: () => log.lines.all.map(({ phrase }) => phrase) };
}

async function timesIn(folder: Folder, options: Parameters<typeof readHistory>[1] = {}): Promise<number[]> {
  const times: number[] = [];
  for await (const record of readHistory(folder.at("history"), options))
    if (record.kind === "figures") times.push(record.atMs);
  return times;
}

async function sizeOf(folder: Folder): Promise<number> {
  const names = await readdir(folder.at("history"));
  const sizes = await Promise.all(names.map(async (name) => (await stat(folder.at("history", name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function makePipe(path: string): Promise<void> {
  await promisify(execFile)("mkfifo", [path]);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

describe("a history", () => {
  test("has what was written, in its order, in plain and in packed files", async () => {
    await using folder = await makeFolder();
    const { writer } = await openWriter(folder);

    for (const atMs of range(0, 300)) writer.write(figuresAt(atMs));
    await writer.settled();

    const names = (await readdir(folder.at("history"))).sort();
    expect(names.slice(0, -1).every((name) => name.endsWith(".ndjson.gz"))).toBe(true);
    expect(names.length).toBeGreaterThan(2);
    expect(names.at(-1)).toBe(plainName(names.length));
    expect(await timesIn(folder)).toEqual(range(0, 300));
    expect(await timesIn(folder, { sinceMs: 290 })).toEqual(range(290, 300));
    expect(writer.lost).toBe(0);
  });

  test("is for its owner alone", async () => {
    await using folder = await makeFolder();
    const { writer } = await openWriter(folder);
    for (const atMs of range(0, 100)) writer.write(figuresAt(atMs));
    await writer.settled();

    const modeOf = async (...names: string[]) => (await stat(folder.at("history", ...names))).mode & 0o777;

    expect(await modeOf()).toBe(0o700);
    for (const name of await readdir(folder.at("history"))) expect(await modeOf(name)).toBe(0o600);
  });

  test("never takes more room than its bound, and keeps the youngest", async () => {
    await using folder = await makeFolder();
    const { writer } = await openWriter(folder, { maxBytes: 32 * KIB, segmentBytes: 8 * KIB });

    let most = 0;
    for (const atMs of range(0, 2_000)) {
      // Packing saves next to nothing of it.
      const noise = randomBytes(150).toString("base64");
      writer.write({ kind: "states", transaction: noise, atMs, tasks: {} });
      if (atMs % 10 !== 9) continue;
      await writer.settled();
      most = Math.max(most, await sizeOf(folder));
    }

    const kept: number[] = [];
    for await (const record of readHistory(folder.at("history"))) if (record.kind === "states") kept.push(record.atMs);
    expect(most).toBeLessThanOrEqual(32 * KIB);
    expect(most).toBeGreaterThan(16 * KIB);
    expect(kept).toEqual(range(kept[0] as number, 2_000));
  });

  test("leaves alone what somebody has put in its place", async () => {
    await using folder = await makeFolder();
    await folder.write(`history/${plainName(1)}/of-somebody`, "");
    const { writer } = await openWriter(folder);

    writer.write(figuresAt(1));
    for (const _ of range(0, 2)) await writer.settled();

    expect((await readdir(folder.at("history"))).sort()).toEqual([plainName(1), plainName(2)]);
    expect(await timesIn(folder)).toEqual([1]);
  });

  test("is not packed through a link that somebody has put in the way", async () => {
    await using folder = await makeFolder();
    await folder.write("precious", "of somebody");
    await folder.write(`history/${plainName(1)}`, formatRecord(figuresAt(1)));
    await symlink(folder.at("precious"), folder.at("history", unfinishedName(1)));
    const { writer } = await openWriter(folder);

    writer.write(figuresAt(2));
    await writer.settled();

    expect(await readFile(folder.at("precious"), "utf8")).toBe("of somebody");
    expect((await readdir(folder.at("history"))).sort()).toEqual([packedName(1), plainName(2)]);
    expect(await timesIn(folder)).toEqual([1, 2]);
  });

  test("is not written to beyond the last number, for such files would never go", async () => {
    await using folder = await makeFolder();
    await folder.write(`history/${plainName(999_999_999_999_999)}`, "");
    const { writer, phrases } = await openWriter(folder);

    for (const atMs of [1, 2]) {
      writer.write(figuresAt(atMs));
      await writer.settled();
    }

    expect(await readdir(folder.at("history"))).toHaveLength(1);
    expect(phrases()).toEqual(["history can't be written"]);
  });

  test("says once that it lacks what is too long for it", async () => {
    await using folder = await makeFolder();
    const { writer, phrases } = await openWriter(folder);
    const tasks = Object.fromEntries(range(0, 500).map((task) => [`ts${task}`, [1, 1] as const]));

    for (const atMs of [1, 2]) writer.write({ kind: "figures", transaction: "T1", atMs, tasks });
    writer.write(figuresAt(3));
    await writer.settled();

    expect(phrases()).toEqual(["history lacks what is too long"]);
    expect(writer.lost).toBe(2);
    expect(await timesIn(folder)).toEqual([3]);
  });

  test("can be read while it is written to, packed and trimmed", async () => {
    await using folder = await makeFolder();
    const { writer } = await openWriter(folder, { maxBytes: 40 * KIB });
    const whileWriting: number[][] = [];

    for (const round of range(0, 40)) {
      for (const atMs of range(round * 100, round * 100 + 100)) writer.write(figuresAt(atMs));
      whileWriting.push(await timesIn(folder));
    }
    await writer.settled();

    for (const times of whileWriting) {
      expect(times).toEqual([...times].sort((one, other) => one - other));
      expect(new Set(times).size).toBe(times.length);
    }
    expect((await timesIn(folder)).at(-1)).toBe(3_999);
  });

  test("goes on in a file of its own after one that was cut off", async () => {
    await using folder = await makeFolder();
    const whole = [1, 2].map((atMs) => formatRecord(figuresAt(atMs))).join("");
    await folder.write(`history/${plainName(7)}`, whole + formatRecord(figuresAt(3)).slice(0, 25));
    const { writer } = await openWriter(folder);

    writer.write(figuresAt(4));
    await writer.settled();

    expect((await readdir(folder.at("history"))).sort()).toEqual([packedName(7), plainName(8)]);
    expect(await timesIn(folder)).toEqual([1, 2, 4]);
  });

  test.each([
    ["before it began", [plainName(1)]],
    ["while it wrote the packed file", [plainName(1), unfinishedName(1)]],
    ["before it removed the plain file", [plainName(1), packedName(1)]],
    ["behind that", [packedName(1)]],
  ])("has each record once where packing was ended %s", async (_, names) => {
    await using folder = await makeFolder();
    const text = range(0, 20).map((atMs) => formatRecord(figuresAt(atMs)));
    for (const name of names) {
      const packed = gzipSync(text.join(""));
      const isWhole = !name.endsWith(".tmp");
      await folder.write(`history/${name}`, "");
      await writeFile(
        folder.at("history", name),
        name.endsWith(".ndjson") ? text.join("") : isWhole ? packed : packed.subarray(0, 30),
      );
    }
    expect(await timesIn(folder)).toEqual(range(0, 20));

    const { writer } = await openWriter(folder);
    writer.write(figuresAt(20));
    await writer.settled();

    expect((await readdir(folder.at("history"))).sort()).toEqual([packedName(1), plainName(2)]);
    expect(await timesIn(folder)).toEqual(range(0, 21));
  });

  test("loses at most what was being written when its process is killed", async () => {
    await using folder = await makeFolder();
    for (const round of range(0, 3)) {
      await using script = await startScript("writes-a-history.mjs", folder.at("history"), String(round));
      await script.kill();
    }

    const seen = new Map<number, number[]>();
    for await (const record of readHistory(folder.at("history"))) {
      if (record.kind !== "states") continue;
      const round = Math.floor(record.atMs / 1e6);
      seen.set(round, [...(seen.get(round) ?? []), record.atMs % 1e6]);
    }

    expect([...seen.keys()]).toEqual([0, 1, 2]);
    for (const [, numbers] of seen) {
      // It has told us of two hundred before it was killed.
      expect(numbers.length).toBeGreaterThanOrEqual(200);
      expect(numbers).toEqual(range(0, numbers.length));
    }
  });

  test("says once that the disk is full, and how many it has lost once it is not", async () => {
    await using folder = await makeFolder();
    let room = 150;
    const { writer, phrases } = await openWriter(folder, {
      maxWaitingBytes: 1_000,
      async append(file, bytes) {
        const taken = Math.min(bytes.length, room);
        room -= taken;
        if (taken === 0) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
        return (await file.write(bytes.subarray(0, taken))).bytesWritten;
      },
    });

    for (const atMs of range(0, 100)) {
      writer.write(figuresAt(atMs));
      await writer.settled();
    }
    expect(phrases()).toEqual(["history can't be written"]);
    room = Number.POSITIVE_INFINITY;
    writer.write(figuresAt(100));
    await writer.settled();

    expect(phrases()).toEqual(["history can't be written", "history is written again"]);
    const times = await timesIn(folder);
    expect(times.at(-1)).toBe(100);
    expect(times[0]).toBe(0);
    expect(times).toHaveLength(101 - writer.lost);
    expect(new Set(times).size).toBe(times.length);
    expect(writer.lost).toBeGreaterThan(50);
    expect(await readdir(folder.at("history"))).toEqual([plainName(1)]);
  });

  test("begins anew where its folder has gone", async () => {
    await using folder = await makeFolder();
    const { writer, phrases } = await openWriter(folder);
    writer.write(figuresAt(1));
    await writer.settled();

    await rename(folder.at("history"), folder.at("elsewhere"));
    for (const atMs of [2, 3]) {
      writer.write(figuresAt(atMs));
      await writer.settled();
    }

    expect(await timesIn(folder)).toEqual([2, 3]);
    expect(phrases()).toEqual(["history can't be written", "history is written again"]);
    expect(writer.lost).toBe(0);
  });

  test("goes on under another number where its file has gone", async () => {
    await using folder = await makeFolder();
    const { writer } = await openWriter(folder);
    writer.write(figuresAt(1));
    await writer.settled();

    await rename(folder.at("history", plainName(1)), folder.at("history", packedName(1)));
    for (const atMs of [2, 3]) {
      writer.write(figuresAt(atMs));
      await writer.settled();
    }

    expect((await readdir(folder.at("history"))).sort()).toEqual([packedName(1), plainName(2)]);
    expect(writer.lost).toBe(0);
  });

  test("is not begun before it is opened, and what came before that is kept", async () => {
    await using folder = await makeFolder();
    const writer = createWriter({ folder: folder.at("history"), maxBytes: 64 * KIB, log: recordLog() });

    writer.write(figuresAt(1));
    await writer.settled();
    await expect(access(folder.at("history"))).rejects.toThrow("ENOENT");
    writer.open();
    await writer.settled();

    expect(await timesIn(folder)).toEqual([1]);
  });

  test("has its last record when it is closed at once", async () => {
    await using folder = await makeFolder();
    const { writer } = await openWriter(folder);

    for (const atMs of [1, 2, 3]) {
      await new Promise(setImmediate);
      writer.write(figuresAt(atMs));
    }
    await writer[Symbol.asyncDispose]();

    expect(await timesIn(folder)).toEqual([1, 2, 3]);
  });
});

describe("whoever reads a history", () => {
  test("finds nothing where there is none", async () => {
    await using folder = await makeFolder();

    expect(await timesIn(folder)).toEqual([]);
  });

  test("is told which file is none of it, and reads the others", async () => {
    await using folder = await makeFolder();
    await folder.write(`history/${plainName(1)}`, "not\na\nrecord\n");
    await folder.write(`history/${packedName(2)}`, "nor packed");
    await folder.write(`history/${plainName(3)}`, formatRecord(figuresAt(1)));
    await folder.write("history/notes.txt", "of somebody");
    const faults: string[] = [];

    const times = await timesIn(folder, { onFault: (file, reason) => faults.push(`${file}: ${reason}`) });

    expect(times).toEqual([1]);
    expect(faults).toEqual([
      `${folder.at("history", plainName(1))}: no line of it is a record`,
      expect.stringContaining(`${folder.at("history", packedName(2))}: incorrect header check`),
    ]);
  });

  test("reads as much as there is of a packed file that is cut off", async () => {
    await using folder = await makeFolder();
    const packed = gzipSync(
      range(0, 20_000)
        .map((atMs) => formatRecord(figuresAt(atMs)))
        .join(""),
    );
    await folder.write(`history/${packedName(1)}`, "");
    await writeFile(folder.at("history", packedName(1)), packed.subarray(0, packed.length - 20));
    const faults: string[] = [];

    const times = await timesIn(folder, { onFault: (_, reason) => faults.push(reason) });

    expect(times.length).toBeGreaterThan(1_000);
    expect(times).toEqual(range(0, times.length));
    expect(faults).toEqual(["unexpected end of file"]);
  });

  test("passes by what only has the name of a file, and would never end", async () => {
    await using folder = await makeFolder();
    await folder.write(`history/${packedName(1)}`, "");
    await writeFile(folder.at("history", packedName(1)), gzipSync(formatRecord(figuresAt(1))));
    await folder.write(`history/${plainName(2)}`, formatRecord(figuresAt(2)));
    for (const name of [plainName(1), packedName(2), plainName(3)]) await makePipe(folder.at("history", name));

    expect(await timesIn(folder)).toEqual([1, 2]);
  });

  test("may stop at any record", async () => {
    await using folder = await makeFolder();
    const { writer } = await openWriter(folder);
    for (const atMs of range(0, 300)) writer.write(figuresAt(atMs));
    await writer.settled();

    for await (const record of readHistory(folder.at("history"))) {
      expect(record).toMatchObject({ atMs: 0 });
      break;
    }
  });

  test("does not look into a file whose last record is older", async () => {
    await using folder = await makeFolder();
    await folder.write(`history/${plainName(1)}`, "not a record\n");
    await folder.write(`history/${plainName(2)}`, formatRecord(figuresAt(Date.now() + 10_000)));
    const faults: string[] = [];

    const times = await timesIn(folder, { sinceMs: Date.now() + 5_000, onFault: (file) => faults.push(file) });

    expect(times).toEqual([]);
    expect(faults).toEqual([]);
  });
});
