import { afterEach, expect, test } from "vitest";
import { createSampler } from "../../src/monitor/sample.ts";
import { makeProcFolder, NO_PID, type ProcFolder, statOf } from "../support/proc-folder.ts";

const LISTENS = `
   0: 0100007F:15B4 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0 100 0 0 10 0
`;

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});

/** Processes of our own, and a sampler that looks at them whenever it is told that so many seconds have passed. */
async function watch(...pids: number[]) {
  const proc = await makeProcFolder();
  let nowMs = 0;
  const sampler = createSampler({ procPath: proc.path, monotonicMs: () => nowMs });
  ends.push(
    async () => proc[Symbol.asyncDispose](),
    async () => sampler[Symbol.asyncDispose](),
  );
  for (const pid of pids) await proc.write(`${pid}/stat`, statOf(pid, {}));

  async function after(seconds: number, limits?: ReadonlyMap<number, number>) {
    nowMs += seconds * 1_000;
    return sampler.sample(pids, limits);
  }
  return { proc, sampler, after };
}

const writeIo = (proc: ProcFolder, bytes: number) =>
  proc.write(`${NO_PID}/io`, `read_bytes: ${bytes}\nwrite_bytes: 0\n`);
const writeRollup = (proc: ProcFolder, kib: number, pid = NO_PID) =>
  proc.write(`${pid}/smaps_rollup`, `Pss: ${kib} kB\nPrivate_Dirty: ${kib} kB\nSwap: 0 kB\n`);

/** Has a listening socket, and the tables of its namespace if they are given. */
async function giveSocket(proc: ProcFolder, pid: number, { namespace = 1, tcp = "" }): Promise<void> {
  await proc.link(`${pid}/fd/3`, "socket:[77]");
  await proc.link(`${pid}/ns/net`, `net:[${namespace}]`);
  if (tcp !== "") await proc.write(`${pid}/net/tcp`, tcp);
}

test("counters are read each 5 s and repeated meanwhile, shares each 30 s", async () => {
  const { proc, after } = await watch(NO_PID);
  const told = async (seconds: number) => {
    const { io, pss } = (await after(seconds)).get(NO_PID) ?? {};
    return [io?.read_bytes, pss];
  };
  await writeIo(proc, 1);
  await writeRollup(proc, 1_024);
  const atFirst = await told(0);

  await writeIo(proc, 2);
  await writeRollup(proc, 2_048);
  const meanwhile = [await told(1), await told(1), await told(1), await told(1)];
  const afterFive = await told(1);
  const afterThirty = await told(25);

  expect([atFirst, ...meanwhile]).toEqual(Array(5).fill([1, 1]));
  expect([afterFive, afterThirty]).toEqual([
    [2, 1],
    [2, 2],
  ]);
});

test("many processes have their turns one after the other, and all have had them within the period", async () => {
  const pids = Array.from({ length: 60 }, (_, index) => NO_PID + index);
  const { proc, after } = await watch(...pids);
  for (const pid of pids) await writeRollup(proc, 1_024, pid);
  const known: number[] = [];

  for (let second = 0; second < 30; second += 1) {
    const sample = await after(second === 0 ? 0 : 1);
    known.push([...sample.values()].filter(({ pss }) => pss !== undefined).length);
  }

  const news = known.map((count, tick) => count - (known[tick - 1] ?? 0));
  expect(Math.max(...news)).toBeLessThanOrEqual(5);
  expect(known.at(-1)).toBe(60);
});

test("what may not be read is left out, and is no zero", async () => {
  const { after } = await watch(NO_PID);

  const figures = (await after(0)).get(NO_PID) ?? {};

  const dear = ["context_switches", "io", "fds", "fds_limit", "pss", "uss", "swap", "sockets", "listening"];
  expect(dear.filter((name) => name in figures)).toEqual([]);
});

test("a process under a reused pid inherits no figures", async () => {
  const { proc, after } = await watch(NO_PID);
  await writeIo(proc, 1);
  const before = (await after(0)).get(NO_PID);

  await proc.remove(`${NO_PID}/io`);
  await proc.write(`${NO_PID}/stat`, statOf(NO_PID, { start: 900 }));
  const successor = (await after(1)).get(NO_PID);

  expect([before?.io?.read_bytes, before?.create_time]).toEqual([1, 1_480_000_001]);
  expect([successor?.io, successor?.create_time]).toEqual([undefined, 1_480_000_009]);
});

test("the dead who wait to be reaped have no files and no memory any more", async () => {
  const { proc, after } = await watch(NO_PID);
  await writeIo(proc, 1);
  await after(0);

  await proc.write(`${NO_PID}/stat`, statOf(NO_PID, { state: "Z" }));
  const figures = (await after(1)).get(NO_PID);

  expect([figures?.status, figures?.io]).toEqual(["zombie", undefined]);
});

test("processes of one network namespace share a look at its tables, those of another do not", async () => {
  const [one, sibling, elsewhere] = [NO_PID, NO_PID + 1, NO_PID + 2];
  const { proc, after } = await watch(one, sibling, elsewhere);
  await giveSocket(proc, one, { tcp: LISTENS });
  await giveSocket(proc, sibling, {});
  await giveSocket(proc, elsewhere, { namespace: 2, tcp: "\n" });

  const sample = await after(0);

  expect([one, sibling, elsewhere].map((pid) => sample.get(pid)?.listening)).toEqual([
    [["127.0.0.1", 5556]],
    [["127.0.0.1", 5556]],
    [],
  ]);
  expect(sample.get(one)?.sockets).toEqual({ LISTEN: 1 });
});

test("a process has no details when it is gone, or another has its pid", async () => {
  const { proc, sampler, after } = await watch(NO_PID);
  await after(0);
  expect(await sampler.details([NO_PID], { opened_files: true })).toEqual(new Map([[NO_PID, {}]]));

  await proc.write(`${NO_PID}/stat`, statOf(NO_PID, { start: 900 }));

  expect(await sampler.details([NO_PID], {})).toEqual(new Map());
  expect(await sampler.details([NO_PID + 1], {})).toEqual(new Map());
});

test("shares of memory are read anew only where a tree seems to exceed its limit", async () => {
  const { proc, after } = await watch(NO_PID);
  const grow = (rssKib: number, pssKib: number) =>
    Promise.all([
      proc.write(`${NO_PID}/statm`, `9999 ${rssKib / 4} 0 0 0 0 0\n`),
      proc.write(`${NO_PID}/smaps_rollup`, `Rss: ${rssKib} kB\nPss: ${pssKib} kB\n`),
    ]);
  const limits = new Map([[NO_PID, 10]]);
  const memoryAfter = async (seconds: number) => (await after(seconds, limits)).get(NO_PID)?.total?.memory;
  await grow(8_192, 8_192);
  const atFirst = await memoryAfter(0);

  await grow(9_216, 1_024);
  const below = await memoryAfter(1);
  await grow(20_480, 2_048);
  const above = await memoryAfter(1);
  await grow(20_480, 1_024);
  const afterwards = await memoryAfter(1);

  expect([atFirst, below, above, afterwards]).toEqual([8, 9, 2, 2]);
});

test("the lists of many processes come from one reading of each namespace's socket tables", async () => {
  const { proc, sampler, after } = await watch(1, 2, 3);
  await giveSocket(proc, 1, { tcp: LISTENS });
  // Without tables of its own: what is told of its socket is from the table of the first one.
  await giveSocket(proc, 2, {});
  await giveSocket(proc, 3, { namespace: 2, tcp: LISTENS.replace("15B4", "15B5") });
  const portsOf = async (...pids: number[]) => {
    const details = await sampler.details(pids, { open_connections: true });
    return pids.map((pid) => details.get(pid)?.connections?.map((row) => Object.assign({}, ...row).laddr[1]));
  };
  await after(0);

  const together = await portsOf(1, 2, 3);
  await after(1);
  await proc.write("1/net/tcp", LISTENS.replace("15B4", "15B6"));
  const later = await portsOf(1, 2, 3);

  expect([together, later]).toEqual([
    [[5_556], [5_556], [5_557]],
    [[5_558], [5_558], [5_557]],
  ]);
});
