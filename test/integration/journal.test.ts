import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type JournalOptions, openJournal } from "../../src/context/journal/journal.ts";
import { nothingToResume, ownerOf, type Resumable, recollect, replay } from "../../src/context/journal/recall.ts";
import { formatRecord, type Head, type JournalEntry, type Moved } from "../../src/context/journal/records.ts";
import type { ProcessIdentity } from "../../src/processes/stat.ts";
import { createProcessTable } from "../../src/processes/table.ts";
import { recordLog } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

const OPENED: JournalEntry = { kind: "opened", transaction: "T1", contextName: "Echo" };
const DEFINED: JournalEntry = { kind: "defined", transaction: "T1", task: "ts001" };
const BEGUN = [OPENED, DEFINED];

const TROUBLE = "journal is in trouble, a restart may resume less";
const WHOLE = "journal is whole again";
const ASIDE = "journal set aside, nothing is resumed";
const REFUSED = "journal refuses a record";

function moved(sequence: number): Moved {
  return {
    kind: "moved",
    transaction: "T1",
    task: "ts001",
    sequence,
    from: "starting",
    to: "running",
    event: "started",
    run: sequence,
    pid: 4_312,
    isWanted: true,
    exits: [sequence + 0.5],
    time: "2026-01-02T03:04:05.678Z",
    monotonicMs: sequence,
  };
}

const moves = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => moved(from + index));

/** What is known after these. */
function knownAfter(...entries: JournalEntry[]): Resumable {
  return entries.reduce<Resumable>((known, entry) => {
    const next = recollect(known, entry);
    if ("fault" in next) throw new Error(next.fault);
    return next;
  }, nothingToResume);
}

/** A journal in a folder of the test, and what it has logged; closed at the end of the scope. */
async function open(folder: Folder, options: Partial<JournalOptions> = {}) {
  const log = recordLog();
  const { journal, before } = await openJournal({
    folder: folder.at("state"),
    name: "Echo",
    contextId: "context001",
    bootId: "boot-1",
    log,
    ...options,
  });
  return {
    journal,
    before,
    log: log.lines.all,
    get phrases() {
      return log.lines.all.map(({ phrase }) => phrase);
    },
    write(...entries: JournalEntry[]) {
      for (const entry of entries) journal.write(entry);
    },
    [Symbol.dispose]: () => journal.close(),
  };
}

const pathIn = (folder: Folder) => folder.at("state", "Echo.journal");
const inFile = async (folder: Folder) => replay(await readFile(pathIn(folder), "utf8"), "boot-1");
const filesIn = async (folder: Folder) => (await readdir(folder.at("state"))).sort();

async function replaceFile(folder: Folder, text: string): Promise<void> {
  await writeFile(folder.at("other"), text);
  await rename(folder.at("other"), pathIn(folder));
}

/** A disk that can be full: then a write takes as many bytes as there are left, and the next one fails. */
function makeDisk() {
  const disk = { freeBytes: Number.POSITIVE_INFINITY, append };
  function append(fd: number, bytes: Buffer): number {
    if (disk.freeBytes === 0) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    const taken = writeSync(fd, bytes.subarray(0, Math.min(disk.freeBytes, bytes.length)));
    disk.freeBytes -= taken;
    return taken;
  }
  return disk;
}

describe("a restarted provider", () => {
  test("finds nothing to resume where there was no journal, and begins one", async () => {
    await using folder = await makeFolder();

    using first = await open(folder);

    expect(first.before).toEqual(nothingToResume);
    expect(await inFile(folder)).toEqual(nothingToResume);
    expect(await filesIn(folder)).toEqual(["Echo.journal"]);
    expect((await stat(pathIn(folder))).mode & 0o777).toBe(0o600);
    expect(first.phrases).toEqual([]);
  });

  test("resumes from what one that was killed had written", async () => {
    await using folder = await makeFolder();
    using killed = await open(folder); // what is in the kernel needs no close
    killed.write(...BEGUN, moved(1), moved(2));

    using next = await open(folder);

    expect(next.before).toEqual(knownAfter(...BEGUN, moved(1), moved(2)));
  });

  test("goes on where the last one was, however often it is killed", async () => {
    await using folder = await makeFolder();
    for (let times = 1; times <= 5; times += 1) {
      using one = await open(folder);
      one.write(...(times === 1 ? BEGUN : []), moved(times));
    }

    using last = await open(folder);

    expect(last.before).toEqual(knownAfter(...BEGUN, moved(5)));
    expect(last.log).toEqual([]);
  });

  test("has nothing to resume from one that has left in order, but goes on counting", async () => {
    await using folder = await makeFolder();
    using left = await open(folder);
    left.write(...BEGUN, moved(1), { kind: "left" });
    left.journal.close();

    using next = await open(folder);

    expect(next.before).toEqual({ transactions: [], ended: [], lastSequence: 1 });
  });

  test("forgets the exits of another boot, and nothing else", async () => {
    await using folder = await makeFolder();
    using first = await open(folder);
    first.write(...BEGUN, moved(1));

    using next = await open(folder, { bootId: "boot-2" });

    expect(next.before).toEqual(knownAfter(...BEGUN, { ...moved(1), exits: [] }));
  });

  test("knows by itself that the machine has not been booted since", async () => {
    await using folder = await makeFolder();
    const here = { folder: folder.at("state"), name: "Echo", contextId: "context001", log: recordLog() };
    const { journal } = await openJournal(here);
    for (const entry of [...BEGUN, moved(1)]) journal.write(entry);
    journal.close();

    const next = await openJournal(here);
    next.journal.close();

    expect(next.before.transactions[0]?.tasks[0]?.exits).toEqual(existsSync("/proc/sys/kernel/random") ? [1.5] : []);
  });

  test("finds the journal of its predecessor beside its own", async () => {
    await using folder = await makeFolder();
    using first = await open(folder);
    first.write(...BEGUN, moved(1));
    const text = await readFile(pathIn(folder), "utf8");

    using _next = await open(folder);

    expect(await readFile(`${pathIn(folder)}.1`, "utf8")).toBe(text);
    expect(await filesIn(folder)).toEqual(["Echo.journal", "Echo.journal.1"]);
  });
});

describe("a journal that can't be read", () => {
  const whole = [
    { kind: "journal" as const, version: 1 as const, contextId: "context001", bootId: "boot-1", lastSequence: 0 },
    ...BEGUN,
  ].map(formatRecord);

  test.each<[string, string | Buffer, string]>([
    ["torn", whole.join("").slice(0, -5), "line 3 has no end"],
    ["flipped", whole.join("").replace("ts001", "ts003"), "line 3 does not match its checksum"],
    ["empty", "", "line 1 is missing"],
    ["zeros", Buffer.alloc(4_096), "line 1 has no end"],
    ["no text", Buffer.from([0xff, 0xfe, 0x0a]), "expected UTF-8 text, got other bytes"],
    ["of another program", '{"tasks": []}\n', "line 1 does not match its checksum"],
  ])("(%s) is set aside with a warning, and the start is clean", async (_, text, reason) => {
    await using folder = await makeFolder();
    await mkdir(folder.at("state"));
    await writeFile(pathIn(folder), text);

    using next = await open(folder);
    next.write(...BEGUN, moved(1));

    const kept = `${pathIn(folder)}.corrupt-1`;
    expect(next.before).toEqual(nothingToResume);
    expect(next.log).toEqual([{ phrase: ASIDE, file: pathIn(folder), reason, kept }]);
    expect(await readFile(kept)).toEqual(Buffer.from(text));
    expect(await inFile(folder)).toEqual(knownAfter(...BEGUN, moved(1)));
  });

  test("is set aside even if it is no file at all", async () => {
    await using folder = await makeFolder();
    await mkdir(pathIn(folder), { recursive: true });
    using _first = await open(folder);
    await rm(pathIn(folder));
    execFileSync("mkfifo", [pathIn(folder)]);

    using next = await open(folder);

    expect(next.log).toMatchObject([{ reason: "is not a file", kept: `${pathIn(folder)}.corrupt-2` }]);
    expect(await inFile(folder)).toEqual(nothingToResume);
  });

  test("takes the place of none before it, and the oldest go when there are more than five", async () => {
    await using folder = await makeFolder();
    for (let times = 1; times <= 8; times += 1) {
      await folder.write("state/Echo.journal", `torn ${times}`);
      using _one = await open(folder);
    }

    const aside = (await filesIn(folder)).filter((name) => name.includes("corrupt"));
    const texts = await Promise.all(aside.map((name) => readFile(folder.at("state", name), "utf8")));

    expect(aside).toEqual([4, 5, 6, 7, 8].map((number) => `Echo.journal.corrupt-${number}`));
    expect(texts).toEqual([4, 5, 6, 7, 8].map((times) => `torn ${times}`));
  });
});

describe("a journal that names a process as its owner", () => {
  const { pid, startTicks } = createProcessTable().find(process.ppid) as ProcessIdentity;
  const somebody: ProcessIdentity = { pid, startTicks };
  const owned = (owner: ProcessIdentity, { bootId = "boot-1", place }: { bootId?: string; place?: string } = {}) => {
    const head: Head = { kind: "journal", version: 1, contextId: "context001", bootId, lastSequence: 0, owner, place };
    return [head, ...BEGUN].map(formatRecord).join("");
  };

  test.each([
    ["whole", owned(somebody)],
    ["half written", owned(somebody).slice(0, -5)],
  ])("that lives is refused, and left as it is (%s)", async (_, text) => {
    await using folder = await makeFolder();
    await folder.write("state/Echo.journal", text);

    await expect(open(folder)).rejects.toMatchObject({
      code: "ERR_PROVIDER_RUNNING",
      message: expect.stringContaining(`pid ${somebody.pid},`),
    });
    expect(await readFile(pathIn(folder), "utf8")).toBe(text);
    expect(await filesIn(folder)).toEqual(["Echo.journal"]);
  });

  test("that lives, and is the copy of another file, is left to its owner", async () => {
    await using folder = await makeFolder();
    await folder.write("state/Echo.journal", owned(somebody, { place: "1:1" }));

    using copy = await open(folder);

    expect(copy.before).toEqual(nothingToResume);
    expect(copy.phrases).toEqual(["journal is a copy of that of a provider that runs, nothing is resumed"]);
  });

  test.each([
    ["is gone, and its pid another's", owned({ pid, startTicks: startTicks + 1 })],
    ["was of another boot", owned(somebody, { bootId: "boot-0" })],
    ["has closed it", owned(somebody) + formatRecord({ kind: "closed" })],
  ])("that %s is free, and all of it resumed", async (_, text) => {
    await using folder = await makeFolder();
    await folder.write("state/Echo.journal", text);

    using next = await open(folder);

    expect(next.before).toEqual(knownAfter(...BEGUN));
    expect(next.log).toEqual([]);
  });

  test("names us while we have it, and nobody afterwards", async () => {
    await using folder = await makeFolder();
    using first = await open(folder);
    first.write(...BEGUN);
    const meanwhile = ownerOf(await readFile(pathIn(folder), "utf8"), "boot-1");

    first.journal.close();

    expect(meanwhile?.process.pid).toBe(process.pid);
    expect(ownerOf(await readFile(pathIn(folder), "utf8"), "boot-1")).toBeUndefined();
    expect(await inFile(folder)).toEqual(knownAfter(...BEGUN));
  });
});

describe("a journal that has grown long", () => {
  test("is begun anew with what is known, and the long one is kept beside it", async () => {
    await using folder = await makeFolder();
    using first = await open(folder, { maxBytes: 4_096 });
    first.write(...BEGUN, ...moves(1, 200));

    using next = await open(folder);

    expect(next.before).toEqual(knownAfter(...BEGUN, moved(200)));
    expect(first.log).toEqual([]);
    expect((await stat(`${pathIn(folder)}.1`)).size).toBeLessThan(2 * 4_096);
    expect(await filesIn(folder)).toEqual(["Echo.journal", "Echo.journal.1"]);
  });

  test("is there, whole, at every moment of that", async () => {
    await using folder = await makeFolder();
    const seen: object[] = [];
    const entries = [...BEGUN, ...moves(1, 40)];
    // Looks at the file before every write: of a record, and of the fresh journal.
    const append = (fd: number, bytes: Buffer) => {
      if (existsSync(pathIn(folder))) seen.push(replay(readFileSync(pathIn(folder), "utf8"), "boot-1"));
      return writeSync(fd, bytes);
    };
    using first = await open(folder, { maxBytes: 1_024, append });
    first.write(...entries);

    const known = [...entries.keys(), entries.length].map((count) => knownAfter(...entries.slice(0, count)));

    expect(seen.length).toBeGreaterThan(entries.length);
    for (const one of seen) expect(known).toContainEqual(one);
  });

  test("is not begun anew with every record when what is known is long by itself", async () => {
    await using folder = await makeFolder();
    let writes = 0;
    const append = (fd: number, bytes: Buffer) => {
      writes += 1;
      return writeSync(fd, bytes);
    };
    using first = await open(folder, { maxBytes: 100, append });
    const long: JournalEntry = { ...DEFINED, body: { location: "x".repeat(10_000) } };

    first.write(OPENED, long, ...moves(1, 20));

    expect(writes).toBeLessThan(30);
    expect(await inFile(folder)).toEqual(knownAfter(OPENED, long, moved(20)));
  });

  test("goes on growing while it can't be begun anew, and loses nothing", async () => {
    await using folder = await makeFolder();
    using first = await open(folder, { maxBytes: 2_048 });
    first.write(...BEGUN);
    await mkdir(`${pathIn(folder)}.tmp`);

    first.write(...moves(1, 50));
    const meanwhile = await inFile(folder);
    await rm(`${pathIn(folder)}.tmp`, { recursive: true });
    first.write(...moves(51, 100));

    expect(meanwhile).toEqual(knownAfter(...BEGUN, moved(50)));
    expect(await inFile(folder)).toEqual(knownAfter(...BEGUN, moved(100)));
    expect(first.phrases).toEqual([TROUBLE, WHOLE]);
    expect(first.journal.lost).toBe(0);
  });
});

describe("when the disk is full", () => {
  test("what can't be written is counted, and told once", async () => {
    await using folder = await makeFolder();
    const disk = makeDisk();
    using first = await open(folder, { append: disk.append });
    first.write(...BEGUN, moved(1));
    disk.freeBytes = 0;

    first.write(...moves(2, 31));

    expect(first.journal.lost).toBe(30);
    expect(first.log).toEqual([{ phrase: TROUBLE, file: pathIn(folder), reason: "ENOSPC: no space left on device" }]);
  });

  test("the file keeps its last good version, though a record was half written", async () => {
    await using folder = await makeFolder();
    const disk = makeDisk();
    using first = await open(folder, { append: disk.append });
    first.write(...BEGUN, moved(1));
    disk.freeBytes = 50;

    first.write(moved(2), moved(3));

    expect(await inFile(folder)).toEqual(knownAfter(...BEGUN, moved(1)));
    expect(await filesIn(folder)).toEqual(["Echo.journal"]);
  });

  test("all that is known is written at the first moment it can be", async () => {
    await using folder = await makeFolder();
    const disk = makeDisk();
    using first = await open(folder, { append: disk.append });
    first.write(...BEGUN);
    disk.freeBytes = 10;
    first.write(moved(1), { ...DEFINED, task: "ts002" }, { ...moved(2), task: "ts002" });
    disk.freeBytes = Number.POSITIVE_INFINITY;

    first.write(moved(3));

    expect(await inFile(folder)).toEqual(
      knownAfter(...BEGUN, { ...DEFINED, task: "ts002" }, { ...moved(2), task: "ts002" }, moved(3)),
    );
    expect(first.phrases).toEqual([TROUBLE, WHOLE]);
    expect(first.journal.lost).toBe(3);
  });

  test("from the start, the former journal stays until there is room for the next", async () => {
    await using folder = await makeFolder();
    using former = await open(folder);
    former.write(...BEGUN, moved(1));
    const disk = makeDisk();
    disk.freeBytes = 0;

    using next = await open(folder, { append: disk.append });
    const meanwhile = await inFile(folder);
    disk.freeBytes = Number.POSITIVE_INFINITY;
    next.write(moved(2));

    expect(next.before).toEqual(knownAfter(...BEGUN, moved(1)));
    expect(meanwhile).toEqual(next.before);
    expect(await inFile(folder)).toEqual(knownAfter(...BEGUN, moved(2)));
  });
});

describe("when somebody meddles", () => {
  test.each<[string, (folder: Folder) => Promise<unknown>]>([
    ["the file is removed", (folder) => rm(pathIn(folder))],
    ["the folder is removed", (folder) => rm(folder.at("state"), { recursive: true })],
    ["the file is moved away", (folder) => rename(pathIn(folder), folder.at("elsewhere"))],
    ["another file takes its place", (folder) => replaceFile(folder, "mine now")],
    ["something is added to it", (folder) => appendFile(pathIn(folder), "a note")],
    ["it is emptied", (folder) => writeFile(pathIn(folder), "")],
  ])("and %s, the next record brings all of it back", async (_, meddle) => {
    await using folder = await makeFolder();
    using first = await open(folder);
    first.write(...BEGUN, moved(1));
    await meddle(folder);

    first.write(moved(2));

    expect(await inFile(folder)).toEqual(knownAfter(...BEGUN, moved(2)));
    expect(first.phrases).toEqual([TROUBLE, WHOLE]);
    expect(first.journal.lost).toBe(0);
  });

  test("and a file stands where the folder is to be, the provider goes on, and the journal once it is gone", async () => {
    await using folder = await makeFolder({ state: "no folder" });
    using first = await open(folder);

    first.write(...BEGUN, moved(1));
    const { lost, phrases } = { lost: first.journal.lost, phrases: first.phrases };
    await rm(folder.at("state"));
    first.write(moved(2));

    expect(first.before).toEqual(nothingToResume);
    expect({ lost, phrases }).toEqual({ lost: 3, phrases: [TROUBLE] });
    expect(await inFile(folder)).toEqual(knownAfter(...BEGUN, moved(2)));
  });
});

describe("a record", () => {
  test.each<[string, JournalEntry]>([
    ["of a task that is not defined", { ...moved(1), task: "ts009" }],
    ["of the wrong shape", { ...moved(1), monotonicMs: Number.NaN }],
    ["that JSON can't say", { ...DEFINED, body: { run: (() => {}) as never } }],
  ])("%s is refused, for no reader would believe the journal", async (_, entry) => {
    await using folder = await makeFolder();
    using first = await open(folder);

    first.write(...BEGUN, entry, moved(2));

    expect(await inFile(folder)).toEqual(knownAfter(...BEGUN, moved(2)));
    expect(first.phrases).toEqual([REFUSED]);
    expect(first.journal.lost).toBe(1);
  });

  test("is written as it was, whatever becomes of its body later", async () => {
    await using folder = await makeFolder();
    using first = await open(folder);
    const body = { location: "services" };
    first.write(OPENED, { ...DEFINED, body });
    body.location = "elsewhere";
    await rm(pathIn(folder));

    first.write(moved(1));

    expect(await inFile(folder)).toMatchObject({ transactions: [{ tasks: [{ body: { location: "services" } }] }] });
  });

  test("that comes after the journal was closed is counted, and no more", async () => {
    await using folder = await makeFolder();
    using first = await open(folder);
    first.write(...BEGUN);
    first.journal.close();

    first.write(moved(1));
    first.journal.close();

    expect(first.journal.lost).toBe(1);
    expect(first.log).toEqual([]);
    expect(await inFile(folder)).toEqual(knownAfter(...BEGUN));
  });
});

test("whatever the disk does meanwhile, the file never says what was not so, and all of it once the disk is well", async () => {
  type Step = "write" | "fill" | "free" | "remove" | "reopen";
  const anyStep = fc.oneof(
    { weight: 8, arbitrary: fc.constant<Step>("write") },
    { weight: 3, arbitrary: fc.constantFrom<Step>("fill", "free", "remove", "reopen") },
  );

  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), fc.nat(600), async (steps, freeBytes) => {
      await using folder = await makeFolder();
      const disk = makeDisk();
      const options = { maxBytes: 1_500, append: disk.append };
      const known = [nothingToResume, knownAfter(OPENED), knownAfter(...BEGUN)];
      let one = await open(folder, options);
      one.write(...BEGUN);
      for (const [sequence, step] of [...steps, "free" as const, "write" as const].entries()) {
        if (step === "fill") disk.freeBytes = freeBytes;
        if (step === "free") disk.freeBytes = Number.POSITIVE_INFINITY;
        if (step === "remove") await rm(pathIn(folder), { force: true });
        if (step === "reopen" && existsSync(pathIn(folder))) {
          one.journal.close();
          one = await open(folder, options);
          expect(known).toContainEqual(one.before);
        }
        if (step === "write") {
          one.write(moved(sequence));
          known.push(knownAfter(...BEGUN, moved(sequence)));
        }
        if (existsSync(pathIn(folder))) expect(known).toContainEqual(await inFile(folder));
      }
      one.journal.close();

      expect(await inFile(folder)).toEqual(known.at(-1));
    }),
    { numRuns: 60 },
  );
});
