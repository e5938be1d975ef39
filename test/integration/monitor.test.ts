import { readFile } from "node:fs/promises";
import { totalmem, uptime } from "node:os";
import { afterEach, expect, test } from "vitest";
import { createSampler } from "../../src/monitor/sample.ts";
import { makeProcFolder, NO_PID, type ProcFolder, statOf } from "../support/proc-folder.ts";
import { startTalking } from "../support/talking-child.ts";

const IDLE = "console.log('ready'); process.stdin.resume()";
/** For each line it is sent, uses 300 ms of CPU, however long that takes, and says so. */
const SPINS_WHEN_TOLD = `
  const cpuMs = () => Object.values(process.cpuUsage()).reduce((user, system) => user + system) / 1000;
  require("node:readline").createInterface({ input: process.stdin }).on("line", () => {
    for (const enough = cpuMs() + 300; cpuMs() < enough; );
    console.log("spun");
  });
  console.log("ready");`;

/** A shell with a child, and another that has a child of its own; says the three pids. `exit` keeps it from exec. */
const TREE = "sleep 1000 & sh -c 'sleep 1000 & echo $0 $$ $!; wait' $!; exit";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});

/** Ended with the test. */
async function startChild(command: string, ...args: string[]) {
  const child = await startTalking(command, ...args);
  ends.push(child.kill);
  return child;
}

const startNode = (code: string) => startChild(process.execPath, "-e", code);

async function residentMib(pid: number): Promise<number> {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

async function makeProc(...stats: [pid: number, stat: string][]): Promise<ProcFolder> {
  const folder = await makeProcFolder();
  ends.push(async () => folder[Symbol.asyncDispose]());
  for (const [pid, stat] of stats) await folder.write(`${pid}/stat`, stat);
  return folder;
}

/** A clock that is a second on each time a sample asks for its start and its end. */
function secondsPassing(): () => number {
  let readings = 0;
  return () => Math.floor(readings++ / 2) * 1_000;
}

test("a process that spins shows more CPU than one that idles", async () => {
  await using sampler = createSampler();
  const [spinning, idle] = await Promise.all([startNode(SPINS_WHEN_TOLD), startNode(IDLE)]);
  await sampler.sample([spinning.pid, idle.pid]);

  spinning.tell();
  await spinning.nextLine();
  const figures = await sampler.sample([spinning.pid, idle.pid]);

  const [busy = 0, bored = 0] = [spinning, idle].map(({ pid }) => figures.get(pid)?.cpu_percent);
  expect(busy).toBeGreaterThan(bored);
  expect(figures.get(spinning.pid)?.total?.cpu_percent).toBe(busy);
});

test("a process seen for the first time shows no CPU yet", async () => {
  await using sampler = createSampler();
  const idle = await startNode(IDLE);

  const figures = await sampler.sample([idle.pid]);

  expect(figures.get(idle.pid)?.cpu_percent).toBe(0);
});

test("figures have the names and units of the wire", async () => {
  await using sampler = createSampler();
  const idle = await startNode(IDLE);
  const beforeSeconds = Date.now() / 1000;

  const figures = (await sampler.sample([idle.pid])).get(idle.pid);

  const { rss = 0, vms = 0, percent = 0, threads = 0, pss = 0, uss = 0, swap = 0, fds = 0, timestamp } = figures ?? {};
  const usage = { rss, vms, percent, cpu_percent: 0, threads };
  expect(figures).toEqual({
    status: expect.stringMatching(/^(sleeping|running)$/),
    ...usage,
    ...{ pss, uss, swap, fds, sockets: {}, listening: [] },
    total: expect.objectContaining({ ...usage, percent: expect.any(Number), pss, uss, swap, fds, listening: [] }),
    children: [],
    create_time: expect.any(Number),
    uptime_s: expect.any(Number),
    cpu_times: { user: expect.any(Number), system: expect.any(Number) },
    context_switches: { voluntary: expect.any(Number), involuntary: expect.any(Number) },
    io: { read_bytes: expect.any(Number), write_bytes: expect.any(Number) },
    fds_limit: expect.any(Number),
    elapsed: expect.any(Number),
    serviceId: "",
    timestamp: expect.any(Number),
  });
  // About the same: the process lives on between the two looks.
  expect(rss / (await residentMib(idle.pid))).toBeCloseTo(1, 0);
  expect(vms).toBeGreaterThan(rss);
  expect(percent).toBeCloseTo((rss / (totalmem() / 2 ** 20)) * 100);
  expect(pss).toBeGreaterThanOrEqual(uss);
  expect(uss).toBeGreaterThan(1);
  expect(timestamp).toBeGreaterThanOrEqual(beforeSeconds);
});

test("the whole tree below a shell is listed and summed", async () => {
  await using sampler = createSampler();
  const shell = await startChild("sh", "-c", TREE);
  const [sleep = 0, innerShell = 0, grandchild = 0] = shell.firstLine.split(" ").map(Number);
  ends.push(async () => [sleep, innerShell, grandchild].map((pid) => process.kill(pid, "SIGKILL")));

  const figures = (await sampler.sample([shell.pid])).get(shell.pid);

  const children = figures?.children ?? [];
  const parents = new Map(children.map(({ pid, ppid }) => [pid, ppid]));
  expect(parents).toEqual(
    new Map([
      [sleep, shell.pid],
      [innerShell, shell.pid],
      [grandchild, innerShell],
    ]),
  );
  expect(figures?.total?.rss).toBeCloseTo(children.reduce((sum, { rss }) => sum + rss, figures?.rss ?? 0));
  expect(figures?.total?.threads).toBe(4);
  const ageSeconds = children.map(({ create_time }) => Number(figures?.timestamp) - create_time);
  expect(Math.max(...ageSeconds)).toBeLessThan(uptime());
});

test("a process that was killed is absent, and takes no other with it", async () => {
  await using sampler = createSampler();
  const [killed, spared] = await Promise.all([startNode(IDLE), startNode(IDLE)]);
  await sampler.sample([killed.pid, spared.pid]);

  await killed.kill();

  const both = await sampler.sample([NO_PID, killed.pid, spared.pid]);
  const alone = await sampler.sample([killed.pid]);

  expect([...both.keys()]).toEqual([spared.pid]);
  expect([...both.gone]).toEqual([NO_PID, killed.pid]);
  expect([alone.size, ...alone.gone]).toEqual([0, killed.pid]);
});

test("samples asked for at once are all answered", async () => {
  await using sampler = createSampler();
  const idle = await startNode(IDLE);

  const samples = await Promise.all([sampler.sample([idle.pid]), sampler.sample([]), sampler.sample([idle.pid])]);

  expect(samples.map((figures) => figures.size)).toEqual([1, 0, 1]);
});

test("resident memory is what the process itself is told, not the estimate beside its CPU time", async () => {
  const proc = await makeProc([NO_PID, statOf(NO_PID, {})]);
  await proc.write(`${NO_PID}/statm`, "1000 512 100 1 0 100 0\n");
  await using sampler = createSampler({ procPath: proc.path });

  expect((await sampler.sample([NO_PID])).get(NO_PID)?.rss).toBe(2);
});

test("without a process table a process still shows its own memory and CPU", async () => {
  await using sampler = createSampler({ procPath: "/no/such/proc" });
  const idle = await startNode(IDLE);

  const figures = await sampler.sample([NO_PID, idle.pid]);

  expect([...figures.keys()]).toEqual([idle.pid]);
  expect(Object.keys(figures.get(idle.pid) ?? {}).sort()).toEqual([
    "cpu_percent",
    "elapsed",
    "percent",
    "rss",
    "serviceId",
    "timestamp",
  ]);
  expect((await sampler.sample([NO_PID])).size).toBe(0);
  expect(await sampler.details([idle.pid], { opened_files: true })).toEqual(new Map([[idle.pid, {}]]));
});

test("a pid that was reused has no CPU history", async () => {
  const proc = await makeProc([NO_PID, statOf(NO_PID, { ticks: 100, start: 100 })]);
  await using sampler = createSampler({ procPath: proc.path, monotonicMs: secondsPassing() });
  const cpu = async () => (await sampler.sample([NO_PID])).get(NO_PID)?.cpu_percent;

  const atFirstSight = await cpu();
  await proc.write(`${NO_PID}/stat`, statOf(NO_PID, { ticks: 150, start: 100 }));
  const aSecondLater = await cpu();
  await proc.write(`${NO_PID}/stat`, statOf(NO_PID, { ticks: 190, start: 900 }));
  const ofItsSuccessor = await cpu();

  expect([atFirstSight, aSecondLater, ofItsSuccessor]).toEqual([0, 50, 0]);
});

test("a look at one process in between takes nothing from the CPU history of another", async () => {
  const [one, other] = [NO_PID, NO_PID + 1];
  const proc = await makeProc([one, statOf(one, { ticks: 100 })], [other, statOf(other, {})]);
  await using sampler = createSampler({ procPath: proc.path, monotonicMs: secondsPassing() });
  await sampler.sample([one]);

  await sampler.sample([other]);
  await proc.write(`${one}/stat`, statOf(one, { ticks: 150 }));
  const figures = await sampler.sample([one, other]);

  expect(figures.get(one)?.cpu_percent).toBe(25);
});

test("a child that went while the table was read is left out", async () => {
  const proc = await makeProc(
    [NO_PID, statOf(NO_PID, {})],
    [NO_PID + 1, statOf(NO_PID + 1, { ppid: NO_PID })],
    [NO_PID + 2, ""],
  );
  await proc.makeFolder(`${NO_PID + 3}`);
  await using sampler = createSampler({ procPath: proc.path });

  const figures = (await sampler.sample([NO_PID])).get(NO_PID);

  expect(figures?.children?.map(({ pid, create_time }) => [pid, create_time])).toEqual([[NO_PID + 1, 1_480_000_001]]);
  expect(figures?.total).toMatchObject({ rss: 2, vms: 2 });
});

test("a process that is there but can't be read is not gone", async () => {
  const proc = await makeProc();
  await proc.makeFolder(`${NO_PID}`);
  await using sampler = createSampler({ procPath: proc.path });

  const sample = await sampler.sample([NO_PID, NO_PID + 1]);

  expect(sample.size).toBe(0);
  expect([...sample.gone]).toEqual([NO_PID + 1]);
});

test("a child is found that came after the strangers were told apart", async () => {
  const proc = await makeProc([1, statOf(1, { ppid: 0 })], [NO_PID, statOf(NO_PID, {})]);
  await using sampler = createSampler({ procPath: proc.path, monotonicMs: secondsPassing() });
  await sampler.sample([NO_PID]);

  await proc.write(`${NO_PID + 1}/stat`, statOf(NO_PID + 1, { ppid: NO_PID }));
  const figures = await sampler.sample([NO_PID]);

  expect(figures.get(NO_PID)?.children?.map(({ pid }) => pid)).toEqual([NO_PID + 1]);
});

test("who was a stranger until now has its whole tree as soon as it is asked for", async () => {
  const [task, stranger, itsChild] = [NO_PID, NO_PID + 1, NO_PID + 2];
  const proc = await makeProc(
    [1, statOf(1, { ppid: 0 })],
    [task, statOf(task, {})],
    [stranger, statOf(stranger, {})],
    [itsChild, statOf(itsChild, { ppid: stranger })],
  );
  await using sampler = createSampler({ procPath: proc.path, monotonicMs: secondsPassing() });
  await sampler.sample([task]);

  const figures = await sampler.sample([task, stranger]);

  expect(figures.get(stranger)?.children?.map(({ pid }) => pid)).toEqual([itsChild]);
});
