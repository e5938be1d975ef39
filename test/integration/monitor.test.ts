import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, totalmem, uptime } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, expect, test } from "vitest";
import { createSampler } from "../../src/monitor/sample.ts";

// Above the kernel's largest pid: no process has it, on any machine.
const NO_PID = 2 ** 22 + 1;

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

/** A child that has said its first line; it is ended with the test. */
async function startChild(command: string, ...args: string[]) {
  const child: ChildProcessWithoutNullStreams = spawn(command, args);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, "exit");
  const kill = () => {
    child.kill("SIGKILL");
    return exited;
  };
  ends.push(kill);
  const nextLine = async (): Promise<string> => (await lines.next()).value;
  return { pid: Number(child.pid), firstLine: await nextLine(), nextLine, tell: () => child.stdin.write("\n"), kill };
}

const startNode = (code: string) => startChild(process.execPath, "-e", code);

async function residentMib(pid: number): Promise<number> {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

/** A /proc of our own. Its pids are nobody's, so that pidusage has no answer for them. */
async function makeProc(...stats: [pid: number, stat: string][]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "zcontext-proc-"));
  ends.push(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "stat"), "btime 1480000000\n");
  for (const [pid, stat] of stats) await writeStat(folder, pid, stat);
  return folder;
}

async function writeStat(folder: string, pid: number, stat: string): Promise<void> {
  await mkdir(join(folder, String(pid)), { recursive: true });
  await writeFile(join(folder, String(pid), "stat"), stat);
}

function statOf(pid: number, { ppid = 1, ticks = 0, start = 100 }): string {
  return `${pid} (x) S ${ppid} 1 1 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 ${start} 1048576 256 0\n`;
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

  const { rss = 0, vms = 0, percent = 0, timestamp } = figures ?? {};
  expect(figures).toEqual({
    status: expect.stringMatching(/^(sleeping|running)$/),
    ...{ rss, vms, percent, cpu_percent: 0 },
    total: { rss, vms, percent, cpu_percent: 0 },
    children: [],
    elapsed: expect.any(Number),
    serviceId: "",
    timestamp: expect.any(Number),
  });
  // About the same: the process lives on between the two looks.
  expect(rss / (await residentMib(idle.pid))).toBeCloseTo(1, 0);
  expect(vms).toBeGreaterThan(rss);
  expect(percent).toBeCloseTo((rss / (totalmem() / 2 ** 20)) * 100);
  expect(timestamp).toBeGreaterThanOrEqual(beforeSeconds);
});

test("the children of a shell are listed, its grandchildren are not", async () => {
  await using sampler = createSampler();
  const shell = await startChild("sh", "-c", TREE);
  const [sleep = 0, innerShell = 0, grandchild = 0] = shell.firstLine.split(" ").map(Number);
  ends.push(async () => [sleep, innerShell, grandchild].map((pid) => process.kill(pid, "SIGKILL")));

  const figures = (await sampler.sample([shell.pid])).get(shell.pid);

  const children = figures?.children ?? [];
  expect(children.map(({ pid }) => pid).sort()).toEqual([sleep, innerShell].sort());
  expect(figures?.total?.rss).toBeCloseTo(children.reduce((sum, { rss }) => sum + rss, figures?.rss ?? 0));
  const ageSeconds = children.map(({ create_time }) => Number(figures?.timestamp) - create_time);
  expect(Math.max(...ageSeconds)).toBeLessThan(uptime());
});

test("a process that was killed is absent, and takes no other with it", async () => {
  await using sampler = createSampler();
  const [killed, spared] = await Promise.all([startNode(IDLE), startNode(IDLE)]);
  await sampler.sample([killed.pid, spared.pid]);

  await killed.kill();

  expect([...(await sampler.sample([NO_PID, killed.pid, spared.pid])).keys()]).toEqual([spared.pid]);
  expect(await sampler.sample([killed.pid])).toEqual(new Map());
});

test("samples asked for at once are all answered", async () => {
  await using sampler = createSampler();
  const idle = await startNode(IDLE);

  const samples = await Promise.all([sampler.sample([idle.pid]), sampler.sample([]), sampler.sample([idle.pid])]);

  expect(samples.map((figures) => figures.size)).toEqual([1, 0, 1]);
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
  expect(await sampler.sample([NO_PID])).toEqual(new Map());
});

test("a pid that was reused has no CPU history", async () => {
  const procPath = await makeProc([NO_PID, statOf(NO_PID, { ticks: 100, start: 100 })]);
  await using sampler = createSampler({ procPath, monotonicMs: secondsPassing() });
  const cpu = async () => (await sampler.sample([NO_PID])).get(NO_PID)?.cpu_percent;

  const atFirstSight = await cpu();
  await writeStat(procPath, NO_PID, statOf(NO_PID, { ticks: 150, start: 100 }));
  const aSecondLater = await cpu();
  await writeStat(procPath, NO_PID, statOf(NO_PID, { ticks: 190, start: 900 }));
  const ofItsSuccessor = await cpu();

  expect([atFirstSight, aSecondLater, ofItsSuccessor]).toEqual([0, 50, 0]);
});

test("a child that went while the table was read is left out", async () => {
  const procPath = await makeProc(
    [NO_PID, statOf(NO_PID, {})],
    [NO_PID + 1, statOf(NO_PID + 1, { ppid: NO_PID })],
    [NO_PID + 2, ""],
  );
  await mkdir(join(procPath, String(NO_PID + 3)));
  await using sampler = createSampler({ procPath });

  const figures = (await sampler.sample([NO_PID])).get(NO_PID);

  expect(figures?.children?.map(({ pid, create_time }) => [pid, create_time])).toEqual([[NO_PID + 1, 1_480_000_001]]);
  expect(figures?.total).toMatchObject({ rss: 2, vms: 2 });
});
