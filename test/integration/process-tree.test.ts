import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { clearTree } from "../../src/processes/clear.ts";
import { COOKIE, writeCookie } from "../../src/processes/cookie.ts";
import type { ProcessStat } from "../../src/processes/stat.ts";
import { sweepLeftovers } from "../../src/processes/sweep.ts";
import { createProcessTable } from "../../src/processes/table.ts";
import { createTree, membersOf, snapshotTree, type Tree } from "../../src/processes/tree.ts";
import { findProcess, leaveNoProcess, started } from "../support/processes.ts";

leaveNoProcess();

const table = createProcessTable();
/** How often each shape is tried: races show in some of them only. */
const TIMES = 5;
/** What a shell does that takes no notice of the stop signal. */
const DEAF = `trap '' TERM; echo $$; while :; do sleep 60; done`;

interface Shape {
  /** A shell script. Each process that matters prints its pid. */
  script: string;
  /** How many lines it prints. */
  processes: number;
  /** Whether the leader ends by itself once it has printed its own. */
  leaderEnds?: boolean;
}

const SHAPES: Record<string, Shape> = {
  "whose leader ends while its child ignores the stop signal": {
    script: `sh -c "$DEAF" & trap 'exit 0' TERM; echo $$; wait`,
    processes: 2,
  },
  "whose leader is gone already and has left a child that ignores the stop signal": {
    script: `sh -c "$DEAF" & echo $$`,
    processes: 2,
    leaderEnds: true,
  },
  "in which all ignore the stop signal": {
    script: `trap '' TERM; sh -c "$DEAF" & sh -c "$DEAF" & echo $$; while :; do wait; done`,
    processes: 3,
  },
  "of three levels": {
    script: `sh -c 'sh -c "$DEAF" & echo $$; wait' & echo $$; wait`,
    processes: 3,
  },
  "with a descendant in a session of its own": {
    script: `setsid sh -c "$DEAF" & echo $$; wait`,
    processes: 2,
  },
  "with a daemon that was forked twice": {
    script: `(setsid sh -c '(sh -c "$DEAF") & exit 0' &) & echo $$; wait; sleep 60`,
    processes: 2,
  },
  "whose leader is gone already and has left such a daemon": {
    script: `(setsid sh -c '(sh -c "$DEAF") & exit 0' &) & echo $$`,
    processes: 2,
    leaderEnds: true,
  },
  "with a process whose first thread has ended": {
    script: `python3 -c "$THREADS" & echo $$; wait`,
    processes: 2,
  },
};

/** Its second thread goes on, deaf, when the first is gone: the table then shows a Z. */
const THREADS = `
import ctypes, os, signal, sys, threading, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
first = threading.main_thread().native_id
def go_on():
    while open(f"/proc/self/task/{first}/stat").read().rsplit(")", 1)[1].split()[0] != "Z": time.sleep(0.001)
    print(os.getpid(), flush=True)
    time.sleep(60)
threading.Thread(target=go_on, daemon=True).start()
ctypes.CDLL(None).pthread_exit(None)
`;

/** Runs a script as a task would be run, and resolves when all of its processes have printed their pids. */
async function startTree({ script, processes, leaderEnds = false }: Shape): Promise<{ tree: Tree; pids: number[] }> {
  const run = randomUUID();
  const cookie = writeCookie({ context: randomUUID(), provider: randomUUID(), run });
  const child = spawn("sh", ["-c", script], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, DEAF, THREADS, [COOKIE]: cookie },
  });
  const exited = once(child, "exit");
  const leader = table.find(child.pid as number) as ProcessStat;
  const pids: number[] = [];
  for await (const line of createInterface(child.stdout)) if (pids.push(Number(line)) === processes) break;
  child.stdout.destroy();
  if (leaderEnds) await exited;
  return { tree: createTree({ pid: leader.pid, startTicks: leader.startTicks }, run), pids };
}

test.each(Object.entries(SHAPES))("nothing is left of a tree %s", async (_, shape) => {
  for (let time = 1; time <= TIMES; time += 1) {
    const { tree, pids } = await startTree(shape);

    const ended = await clearTree(tree, { table, stopSignal: "SIGTERM", graceMs: 100 }).done;

    expect(await Promise.all(pids.map(findProcess))).toEqual(pids.map(() => undefined));
    expect(await started()).toEqual([]);
    expect(ended.some(({ signal }) => signal === "SIGKILL")).toBe(true);
  }
});

test("a descendant that has left session, environment and parents behind is found by having been seen", async () => {
  for (let time = 1; time <= TIMES; time += 1) {
    // The variables are what the helpers of this test look for; the cookie is gone.
    const script = `env -u ${COOKIE} setsid sh -c "$DEAF" & echo $$; wait`;
    const { tree, pids } = await startTree({ script, processes: 2 });

    const seen = snapshotTree(tree, await table.read());
    process.kill(tree.leader.pid, "SIGKILL");
    const ended = await clearTree(seen, { table, stopSignal: "SIGTERM", graceMs: 0 }).done;

    const [hidden] = pids.filter((pid) => pid !== tree.leader.pid);
    expect(ended.map(({ pid }) => pid)).toContain(hidden);
    expect(await started()).toEqual([]);
  }
});

test("clearing one tree leaves another alone", async () => {
  const shape = { script: `sh -c "$DEAF" & echo $$; wait`, processes: 2 };
  const [one, other] = [await startTree(shape), await startTree(shape)];

  await clearTree(one.tree, { table, stopSignal: "SIGTERM", graceMs: 0 }).done;
  const left = membersOf(await table.read(), other.tree).map(({ pid }) => pid);
  await clearTree(other.tree, { table, stopSignal: "SIGTERM", graceMs: 0 }).done;

  expect(left).toEqual(expect.arrayContaining(other.pids));
});

test("what an earlier provider of the context has left is swept, and nothing of this one", async () => {
  const context = randomUUID();
  const start = async (provider: string) => {
    const cookie = writeCookie({ context, provider, run: randomUUID() });
    const child = spawn("sh", ["-c", DEAF], { detached: true, env: { ...process.env, [COOKIE]: cookie } });
    await once(child.stdout, "data");
    return child;
  };
  const [left, ours] = [await start("earlier"), await start("present")];

  const leftovers = await sweepLeftovers({ context, provider: "present" }, { table });

  expect(leftovers).toContainEqual({ pid: left.pid, name: "sh", provider: "earlier" });
  expect(left.signalCode ?? (await once(left, "exit"))[1]).toBe("SIGKILL");
  expect(await findProcess(ours.pid as number)).toBeDefined();
  await sweepLeftovers({ context, provider: "none" }, { table });
});

test("the table shows ourselves, and our parent as our parent", async () => {
  const entries = await table.read();

  expect(entries.find(({ pid }) => pid === process.pid)).toMatchObject({ ppid: process.ppid });
  expect(entries.map(({ pid }) => pid)).toContain(1);
  expect(table.find(process.pid)).toMatchObject({ pid: process.pid, ppid: process.ppid });
  expect(table.find(0)).toBeUndefined();
});

/** A table made of files. */
async function withTable(use: (root: string, start: (pid: number, stat?: string) => Promise<void>) => Promise<void>) {
  const root = await mkdtemp(join(tmpdir(), "zcontext-table-"));
  async function start(pid: number, stat = `${pid} (p) S 1 ${pid} ${pid} 0 0 0 0 0 0 0 0 0 0 0 20 0 1 0 ${pid} 0 0`) {
    await mkdir(join(root, String(pid)));
    await writeFile(join(root, String(pid), "stat"), stat);
    await writeFile(join(root, String(pid), "environ"), `${COOKIE}=c1:p1:r${pid}\0`);
  }
  try {
    await start(100);
    await symlink("100", join(root, "self"));
    await use(root, start);
  } finally {
    await rm(root, { recursive: true });
  }
}

test("calls before a pass begins share it, calls during one get the next", async () => {
  await withTable(async (root, start) => {
    for (let pid = 101; pid <= 300; pid += 1) await start(pid);
    const fake = createProcessTable({ root });

    const first = fake.read();
    const shared = fake.read();
    // The pass begins in the next turn of the loop, and has slices left by the one after that.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const next = fake.read();

    expect(shared).toBe(first);
    expect(next).not.toBe(first);
    expect(await first).toHaveLength(201);
    expect(await next).toHaveLength(201);
  });
});

test("cookies are read of those alone that have started since", async () => {
  await withTable(async (root, start) => {
    await start(200);

    const entries = await createProcessTable({ root, sinceTicks: 200 }).read();

    expect(entries.map(({ pid, cookie }) => [pid, cookie?.run])).toEqual([
      [100, undefined],
      [200, "r200"],
    ]);
  });
});

test("a table that can't be read is refused rather than shown in part", async () => {
  await withTable(async (root) => {
    await mkdir(join(root, "101", "stat"), { recursive: true }); // a folder, where there should be a file
    const broken = createProcessTable({ root });

    await expect(broken.read()).rejects.toThrow("EISDIR");
    await rm(join(root, "101"), { recursive: true });
    expect(await broken.read()).toHaveLength(1);
  });
});

test("a table that can't be read any more while a process settles is refused, and nothing else comes of it", async () => {
  await withTable(async (root) => {
    await mkdir(join(root, "101"));
    // Its environment is somewhere, and empty as yet.
    const fields = `S 1 101 101 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 4096 ${"7 ".repeat(27)}100 200 0`;
    await writeFile(join(root, "101", "stat"), `101 (sh) ${fields}\n`);
    await writeFile(join(root, "101", "environ"), "");
    await mkdir(join(root, "102", "stat"), { recursive: true });
    const rejections: unknown[] = [];
    const note = (error: unknown) => rejections.push(error);
    process.on("unhandledRejection", note);

    const reading = createProcessTable({ root }).read();
    await expect(reading).rejects.toThrow("EISDIR");
    await rm(join(root, "101", "stat"));
    await mkdir(join(root, "101", "stat"));
    // Node ends timers of one length in the order in which they began: the process that settles has been looked at again.
    await pause(1);
    await new Promise(setImmediate);
    process.off("unhandledRejection", note);

    expect(rejections).toEqual([]);
  });
});

test("a process that goes while the table is read, or shows garbage, is none", async () => {
  await withTable(async (root, start) => {
    await mkdir(join(root, "101"));
    await start(102, "no process");

    const entries = await createProcessTable({ root }).read();

    expect(entries.map(({ pid }) => pid)).toEqual([100]);
  });
});

test("where there is no table no process is shown", async () => {
  const none = createProcessTable({ root: join(tmpdir(), "zcontext-no-table") });

  expect(none.isAvailable).toBe(false);
  expect(await none.read()).toEqual([]);
  expect(none.find(process.pid)).toBeUndefined();
});
