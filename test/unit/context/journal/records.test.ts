import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatSnapshot,
  nothingToResume,
  ownerOf,
  type Resumable,
  recollect,
  replay,
} from "../../../../src/context/journal/recall.ts";
import {
  formatRecord,
  type Head,
  type JournalEntry,
  type JournalRecord,
  type Kept,
  type Moved,
  readRecord,
} from "../../../../src/context/journal/records.ts";
import type { JsonObject } from "../../../../src/protocol/json.ts";
import { anyJson } from "../../protocol/json-values.ts";

const BOOT = "0b7c2f1e";
const HEAD: Head = { kind: "journal", version: 1, contextId: "context001", bootId: BOOT, lastSequence: 0 };
const ENDED = { kind: "ended", transaction: "T1", time: "2026-01-02T03:04:06.000Z", isAsked: false } as const;
const OPENED: JournalEntry = { kind: "opened", transaction: "T1", contextName: "Echo" };
const DEFINED: JournalEntry = { kind: "defined", transaction: "T1", task: "ts001" };
const MOVED: Moved = {
  kind: "moved",
  transaction: "T1",
  task: "ts001",
  sequence: 7,
  from: "defined",
  to: "starting",
  event: "start",
  cause: "command",
  run: 1,
  pid: 4_312,
  isWanted: true,
  exits: [1_000.5, 2_000],
  time: "2026-01-02T03:04:05.678Z",
  monotonicMs: 2_000.25,
};
const KEPT: Kept = {
  kind: "kept",
  transaction: "T1",
  task: "ts001",
  state: "running",
  runs: 3,
  isWanted: true,
  exits: [],
};

const journal = (...records: JournalRecord[]) => [HEAD, ...records].map(formatRecord).join("");

function resumed(text: string, bootId = BOOT): Resumable {
  const outcome = replay(text, bootId);
  if ("fault" in outcome) throw new Error(outcome.fault);
  return outcome;
}

function faultOf(outcome: object): string {
  return "fault" in outcome ? String(outcome.fault) : "no fault";
}

/** The fault of a journal whose record after the head and these is anything, with the right checksum. */
function refused(record: object, ...before: JournalRecord[]): string {
  return faultOf(replay(journal(...before) + formatRecord(record as JournalRecord), BOOT));
}

describe("what a restarted provider resumes", () => {
  test("is nothing after a head alone", () => {
    expect(resumed(journal())).toEqual({ transactions: [], ended: [], lastSequence: 0 });
  });

  test("is each task where its last move has led it", () => {
    const failed: Moved = { ...MOVED, sequence: 8, from: "starting", to: "failed", run: 2, isWanted: false, exits: [] };

    expect(resumed(journal(OPENED, DEFINED, MOVED)).transactions).toEqual([
      {
        id: "T1",
        contextName: "Echo",
        tasks: [{ id: "ts001", state: "starting", runs: 1, isWanted: true, exits: [1_000.5, 2_000] }],
      },
    ]);
    expect(resumed(journal(OPENED, DEFINED, MOVED, failed)).transactions[0]?.tasks).toEqual([
      { id: "ts001", state: "failed", runs: 2, isWanted: false, exits: [] },
    ]);
  });

  test("knows why a task has failed and how its process ended, also once it is written anew", () => {
    const failed: Moved = { ...MOVED, sequence: 8, to: "failed", reason: "out of disk", code: 3, isWanted: false };
    const givenUp: Moved = { ...MOVED, sequence: 9, to: "failed", reason: "out of disk; it ended too often" };
    const again: Moved = { ...MOVED, sequence: 10, to: "starting", run: 2 };
    const taskAfter = (...moves: Moved[]) => {
      const known = resumed(journal(OPENED, DEFINED, ...moves));
      return resumed(formatSnapshot(known, HEAD)).transactions[0]?.tasks[0];
    };

    expect(taskAfter(failed)).toMatchObject({ state: "failed", reason: "out of disk", code: 3 });
    expect(taskAfter(failed, givenUp)).toMatchObject({ reason: "out of disk; it ended too often", code: 3 });
    expect(Object.keys(taskAfter(failed, again) ?? {})).not.toContain("reason");
    expect(Object.keys(taskAfter(failed, again) ?? {})).not.toContain("code");
  });

  test("is whole once every task of the file was in it, and stays so", () => {
    const whole: JournalEntry = { ...OPENED, isWhole: true };
    const known = resumed(journal(OPENED, DEFINED, whole, OPENED));

    expect(known.transactions).toMatchObject([{ id: "T1", isWhole: true, tasks: [{ id: "ts001" }] }]);
    expect(resumed(formatSnapshot(known, HEAD))).toEqual(known);
  });

  test("has the tasks in the order they were defined in, whichever moved first", () => {
    const second: JournalEntry = { ...DEFINED, task: "ts000" };

    const { transactions } = resumed(journal(OPENED, DEFINED, second, { ...MOVED, task: "ts000" }, MOVED));

    expect(transactions[0]?.tasks.map(({ id }) => id)).toEqual(["ts001", "ts000"]);
  });

  test("has the definition that came last, and none where that is the file's own", () => {
    const byMessage: JournalEntry = { ...DEFINED, body: { service_id: "ts001", location: "services" } };

    const [first, later] = [journal(OPENED, DEFINED, MOVED, byMessage), journal(OPENED, byMessage, MOVED, DEFINED)].map(
      (text) => resumed(text).transactions[0]?.tasks[0],
    );

    expect(first).toMatchObject({ body: { service_id: "ts001", location: "services" }, state: "starting", runs: 1 });
    expect(later).not.toHaveProperty("body");
  });

  test("is a transaction once, however often it was opened", () => {
    const again: JournalEntry = { ...OPENED, contextName: "Louder" };

    const { transactions } = resumed(journal(OPENED, DEFINED, again));

    expect(transactions).toMatchObject([{ id: "T1", contextName: "Louder", tasks: [{ id: "ts001" }] }]);
  });

  test("is no transaction that has ended", () => {
    const other: JournalEntry = { ...OPENED, transaction: "T2" };

    const { transactions } = resumed(journal(OPENED, DEFINED, other, ENDED));

    expect(transactions.map(({ id }) => id)).toEqual(["T2"]);
  });

  test("has, of those that have ended, how they have, until another one is opened", () => {
    const failed = { ...MOVED, to: "failed", event: "exit", reason: "exited with code 3", code: 3 } as const;
    const ended = resumed(journal(OPENED, DEFINED, failed, ENDED));
    const next = resumed(journal(OPENED, DEFINED, failed, ENDED, { ...OPENED, transaction: "T2" }));

    expect(ended).toMatchObject({
      transactions: [],
      ended: [
        {
          ...{ id: "T1", time: ENDED.time, isAsked: false },
          tasks: [{ id: "ts001", state: "failed", reason: "exited with code 3", code: 3, exitTime: failed.time }],
        },
      ],
    });
    expect(next).toMatchObject({ transactions: [{ id: "T2" }], ended: [] });
  });

  test("is written down with the ends of several transactions beside one that goes on", () => {
    const [second, third] = ["T2", "T3"].map((transaction) => ({ ...OPENED, transaction }));
    const known = resumed(
      journal(OPENED, DEFINED, second as JournalEntry, third as JournalEntry, ENDED, { ...ENDED, transaction: "T3" }),
    );

    expect(known.ended.map(({ id }) => id)).toEqual(["T1", "T3"]);
    expect(resumed(formatSnapshot(known, { contextId: "c", bootId: BOOT }))).toEqual(known);
  });

  test("is nothing when the provider has left in order", () => {
    expect(resumed(journal(OPENED, DEFINED, MOVED, { kind: "left" }))).toEqual({
      transactions: [],
      ended: [],
      lastSequence: 7,
    });
  });

  test("goes on counting where the last provider stopped, whatever has ended since", () => {
    expect(resumed(journal(OPENED, DEFINED, MOVED, ENDED)).lastSequence).toBe(7);
    expect(resumed(formatRecord({ ...HEAD, lastSequence: 40 })).lastSequence).toBe(40);
  });

  test("has no exits of another boot, whose clock began elsewhere", () => {
    const text = journal(OPENED, DEFINED, MOVED);
    const exits = (bootId: string) => resumed(text, bootId).transactions[0]?.tasks[0]?.exits;

    expect(exits(BOOT)).toEqual([1_000.5, 2_000]);
    expect(exits("another")).toEqual([]);
  });

  test("has no exits where the system does not say which boot this is", () => {
    const unknown = [{ ...HEAD, bootId: "" }, OPENED, DEFINED, MOVED].map(formatRecord).join("");

    expect(resumed(unknown, "").transactions[0]?.tasks[0]?.exits).toEqual([]);
  });

  test("takes ids as they are, those of the prototype as well", () => {
    const records = ["__proto__", "constructor"].flatMap((id): JournalEntry[] => [
      { ...OPENED, transaction: id },
      { ...DEFINED, transaction: id, task: id },
      { ...MOVED, transaction: id, task: id },
    ]);

    const { transactions } = resumed(journal(...records));

    expect(transactions.map(({ id, tasks }) => [id, tasks[0]?.id])).toEqual([
      ["__proto__", "__proto__"],
      ["constructor", "constructor"],
    ]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe("a journal is refused", () => {
  test.each<[string, string]>([
    ["", "line 1 is missing"],
    ["\n", "line 1 does not match its checksum"],
    ["00000000 \n", "line 1 is no record"],
    [formatRecord(OPENED), "line 1 is opened before the head"],
    [journal(OPENED).slice(0, -1), "line 2 has no end"],
    [journal(OPENED, DEFINED).replace("ts001", "ts002"), "line 3 does not match its checksum"],
    [journal(OPENED).replaceAll("\n", "\r\n"), "line 1 does not match its checksum"],
    [journal(OPENED).toUpperCase(), "line 1 does not match its checksum"],
  ])("that reads %j", (text, fault) => {
    expect(faultOf(replay(text, BOOT))).toBe(fault);
  });

  test("that another version wrote", () => {
    const text = formatRecord({ ...HEAD, version: 2 } as unknown as Head);

    expect(faultOf(replay(text, BOOT))).toBe("line 1 is journal with the version 2");
  });

  test.each<[string, object, JournalRecord[]]>([
    ["a second head", HEAD, []],
    ['defined for "ts001" of "T1", which is unknown by then', DEFINED, []],
    ['moved for "ts001" of "T1", which is unknown by then', MOVED, [OPENED]],
    ['kept for "ts001" of "T1", which is unknown by then', KEPT, [OPENED]],
    ['ended for "T1", which is unknown by then', ENDED, []],
    ['moved for "ts001" of "T1", which is unknown by then', MOVED, [OPENED, DEFINED, { kind: "left" }]],
  ])("where a record is %s", (fault, record, before) => {
    expect(refused(record, ...before)).toBe(`line ${before.length + 2} is ${fault}`);
  });

  test.each<[string, object]>([
    ['of the unknown kind "paused"', { kind: "paused" }],
    ['of the unknown kind "toString"', { kind: "toString" }],
    ["of the unknown kind undefined", { transaction: "T1" }],
    ["opened without contextName", { kind: "opened", transaction: "T2" }],
    ['opened with the transaction ""', { ...OPENED, transaction: "" }],
    ['opened with the unknown field "extra"', { ...OPENED, extra: 1 }],
    ["defined with the body []", { ...DEFINED, body: [] }],
    ["defined with the body null", { ...DEFINED, body: null }],
    ["defined with the task 7", { ...DEFINED, task: 7 }],
    ["kept with the runs -1", { ...KEPT, runs: -1 }],
    ["kept without isWanted", { ...KEPT, isWanted: undefined }],
    ["moved with the sequence 1.5", { ...MOVED, sequence: 1.5 }],
    ['moved with the to "a b"', { ...MOVED, to: "a b" }],
    ["moved with the pid 0", { ...MOVED, pid: 0 }],
    ["moved with the code null", { ...MOVED, code: null }],
    ["moved with the signal 9", { ...MOVED, signal: 9 }],
    ['moved with the isWanted "yes"', { ...MOVED, isWanted: "yes" }],
    ["moved with the exits [-1]", { ...MOVED, exits: [-1] }],
    ["moved with the exits [null]", { ...MOVED, exits: [Number.NaN] }],
    ['moved with the exits {"0":1}', { ...MOVED, exits: { 0: 1 } }],
    ['moved with the time "yesterday"', { ...MOVED, time: "yesterday" }],
    ["moved with the monotonicMs null", { ...MOVED, monotonicMs: Number.POSITIVE_INFINITY }],
    ['left with the unknown field "reason"', { kind: "left", reason: "asked" }],
    ['closed with the unknown field "owner"', { kind: "closed", owner: 1 }],
  ])("where a record is %s", (fault, record) => {
    expect(refused(record, OPENED, DEFINED)).toBe(`line 4 is ${fault}`);
  });

  test("where a record is no object, or has a key that would give its reader a new prototype", () => {
    const poisoned = { ...DEFINED, body: JSON.parse('{"a":{"__proto__":{"isWanted":true}}}') as JsonObject };

    expect(refused([])).toBe("line 2 is no record");
    expect(refused(poisoned, OPENED)).toBe("line 3 is no record");
  });
});

const id = fc.constantFrom("T1", "T2", "ts 3", "é\n😀", "constructor");
const about = { transaction: id, task: id };
const times = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }).map(Math.abs), { maxLength: 4 });
const word = fc.constantFrom("defined", "starting", "running", "backingOff", "failed");
const isoTime = fc
  .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
  .map((date) => date.toISOString());
const option = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const body = fc.dictionary(
  fc.string().filter((key) => key !== "__proto__"),
  anyJson,
  { maxKeys: 3, noNullPrototype: true },
) as fc.Arbitrary<JsonObject>;

const anyEntry: fc.Arbitrary<JournalEntry> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("opened" as const), transaction: id, contextName: fc.string() }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("defined" as const), ...about, body: option(body) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("moved" as const),
      ...about,
      sequence: fc.nat(),
      from: word,
      to: word,
      event: fc.constantFrom("start", "exit"),
      cause: option(fc.string()),
      run: fc.nat(),
      pid: option(fc.integer({ min: 1 })),
      code: option(fc.integer()),
      signal: option(fc.constantFrom("SIGKILL", "SIGTERM")),
      isWanted: fc.boolean(),
      exits: times,
      time: isoTime,
      monotonicMs: fc.double({ min: 0, max: 1e12, noNaN: true }).map(Math.abs),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("ended" as const),
      transaction: id,
      time: isoTime,
      isAsked: fc.boolean(),
    }),
  },
);

/** What a provider may write, one after the other, and what is known after each. */
const anyCourse = fc.tuple(fc.array(anyEntry, { maxLength: 60, size: "max" }), fc.boolean()).map(([drawn, hasLeft]) => {
  const states: Resumable[] = [nothingToResume];
  const accepted = drawn.filter((entry) => advance(states, entry));
  const last: JournalEntry[] = hasLeft ? [{ kind: "left" }] : [];
  return { entries: [...accepted, ...last.filter((entry) => advance(states, entry))], states };
});

function advance(states: Resumable[], entry: JournalEntry): boolean {
  const next = recollect(states.at(-1), entry);
  if ("fault" in next) return false;
  states.push(next);
  return true;
}

describe("whatever happens", () => {
  test("a record is one line of ASCII, and is read as it was written", () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        const line = formatRecord(entry);

        expect(line).toMatch(/^[ -~]+\n$/);
        expect(readRecord(line.slice(0, -1))).toEqual(entry);
      }),
    );
  });

  test("the file says what was known when it was written", () => {
    fc.assert(
      fc.property(anyCourse, ({ entries, states }) => {
        expect(replay(journal(...entries), BOOT)).toEqual(states.at(-1));
      }),
    );
  });

  test("a journal begun anew says the same, and is one that can be gone on with", () => {
    fc.assert(
      fc.property(anyCourse, fc.nat(), ({ entries, states }, at) => {
        const cut = at % states.length;
        const anew = formatSnapshot(states[cut] as Resumable, { contextId: "context001", bootId: BOOT });

        expect(replay(anew, BOOT)).toEqual(states[cut]);
        expect(replay(anew + entries.slice(cut).map(formatRecord).join(""), BOOT)).toEqual(states.at(-1));
      }),
    );
  });

  test("a journal that is cut off says what was known then, or is refused", () => {
    fc.assert(
      fc.property(anyCourse, fc.nat(), ({ entries, states }, at) => {
        const text = journal(...entries);
        const short = text.slice(0, at % text.length);
        const lines = short.split("\n").length - 1;

        const outcome = replay(short, BOOT);

        if (short.endsWith("\n")) expect(outcome).toEqual(states[lines - 1]);
        else expect(faultOf(outcome)).toBe(short === "" ? "line 1 is missing" : `line ${lines + 1} has no end`);
      }),
    );
  });

  test("a journal with one wrong bit is refused", () => {
    fc.assert(
      fc.property(anyCourse, fc.nat(), fc.nat(7), ({ entries }, at, bit) => {
        const bytes = Buffer.from(journal(...entries));
        const index = at % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << bit), index);

        expect(faultOf(replay(bytes.toString("utf8"), BOOT))).toMatch(/^line \d+ /);
      }),
      { numRuns: 500 },
    );
  });

  test("any other text is refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(faultOf(replay(text, BOOT))).toMatch(/^line \d+ /);
      }),
    );
  });

  test("any value of JSON is a record or refused, however right its checksum", () => {
    const fields = fc.constantFrom(...Object.keys({ ...HEAD, ...OPENED, ...KEPT, ...MOVED, body: {} }));
    const kinds = fc.constantFrom("journal", "opened", "defined", "kept", "moved", "ended", "left", "closed");

    fc.assert(
      fc.property(fc.dictionary(fields, anyJson, { noNullPrototype: true }), kinds, (value, kind) => {
        const record = { ...value, kind } as unknown as JournalRecord;

        const outcome = readRecord(formatRecord(record).slice(0, -1));

        if (!("fault" in outcome)) expect(outcome).toEqual(record);
        else expect(outcome.fault).toMatch(new RegExp(`^is ${kind} with`));
      }),
    );
  });

  test("what was known before a record stays as it was", () => {
    const known = resumed(journal(OPENED, DEFINED, MOVED));
    const before = structuredClone(known);

    recollect(known, { ...MOVED, sequence: 8, to: "failed" });
    recollect(known, { ...DEFINED, body: {} });
    recollect(known, ENDED);

    expect(known).toEqual(before);
  });
});

describe("the owner of a journal", () => {
  const owner = { pid: 4_312, startTicks: 77 };
  const owned = [{ ...HEAD, owner }, OPENED, DEFINED, MOVED].map(formatRecord).join("");

  test("is the process that its head names", () => {
    expect(ownerOf(owned, BOOT)).toEqual({ process: owner, place: undefined });
    expect(resumed(owned)).toEqual(resumed(journal(OPENED, DEFINED, MOVED)));
  });

  test("has it even while its last record is half written", () => {
    expect(ownerOf(owned.slice(0, -5), BOOT)).toEqual({ process: owner, place: undefined });
  });

  test("is nobody once it was closed", () => {
    const closed = owned + formatRecord({ kind: "closed" });

    expect(ownerOf(closed, BOOT)).toBeUndefined();
    expect(resumed(closed)).toEqual(resumed(owned));
  });

  test("is nobody after another boot, or where boots are not told apart", () => {
    const unknown = formatRecord({ ...HEAD, owner, bootId: "" });

    expect(ownerOf(owned, "another")).toBeUndefined();
    expect(ownerOf(unknown, "")).toBeUndefined();
  });

  test.each(["", "torn", formatRecord(OPENED), journal()])("is nobody where no head names one", (text) => {
    expect(ownerOf(text, BOOT)).toBeUndefined();
  });

  test.each([{ pid: 0, startTicks: 1 }, { pid: 1 }, 4_312, { ...owner, name: "node" }])(
    "is a pid and its start, or the head is believed by nobody",
    (wrong) => {
      const head = { ...HEAD, owner: wrong } as unknown as Head;

      expect(faultOf(replay(formatRecord(head), BOOT))).toMatch(/^line 1 is journal with the owner /);
    },
  );
});
