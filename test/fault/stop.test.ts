// Faults of programs that do not end when they are told to: F1, F2, F3, F9 and F35 of the catalogue, and the shapes of
// process trees that are known to outlive a supervisor.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { STOP_SIGNALS } from "../../src/config/model.ts";
import { connectContext } from "../../src/context/client/client.ts";
import { COOKIE, writeCookie } from "../../src/processes/cookie.ts";
import { createProcessTable } from "../../src/processes/table.ts";
import type { TaskRecord } from "../../src/protocol/task-record.ts";
import { BOUND_MS, PATIENT } from "../support/bound.ts";
import { runContext } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { isLiving, started, untilGone } from "../support/processes.ts";
import { readDocument } from "../support/readme.ts";
import {
  fixture,
  hearTransitions,
  killedIn,
  leaveNothing,
  livingOf,
  MOST_SPARE_PIPES,
  openDescriptors,
  program,
  programPath,
  runProvider,
  SPARE_PIPE,
  script,
  sparePipesOf,
  untilNoMoreThan,
  untilPrinted,
  writeContext,
} from "./support.ts";

leaveNothing();

/** Waits for nothing but the signal that has to follow. */
const SHORT = { grace_s: 0.5 };
/** So long that a test which gets there has failed before. */
const LONG = { grace_s: 3_600 };
/** How often each shape is tried: a race shows in some of them only. */
const TIMES = 5;

/** Programs of several processes, which print their pids; so many besides the leader take no notice of SIGTERM. */
const SHAPES = [
  { name: "leaves-a-deaf-child.sh", processes: 2, deaf: 1 },
  { name: "ignores-sigterm-with-its-children.sh", processes: 3, deaf: 2 },
  { name: "leaves-a-deaf-grandchild.sh", processes: 3, deaf: 1 },
  { name: "leaves-a-session.sh", processes: 2, deaf: 1 },
  { name: "leaves-a-daemon.sh", processes: 2, deaf: 1 },
  { name: "leaves-a-daemon-that-changes.sh", processes: 2, deaf: 1 },
];

const times = (task: (id: string) => ReturnType<typeof script>) =>
  Array.from({ length: TIMES }, (_, index) => task(`ts_${index + 1}`));

describe("F1", () => {
  test("F1: a task that ignores SIGTERM is asked first, and gets SIGKILL at the end of its grace period", async () => {
    const deaf = `trap 'echo 1' TERM; echo 0; while :; do sleep 1000 & wait $!; done`;
    await using context = await runContext([script("ts_1", deaf, { supervision: SHORT })]);
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    await untilPrinted(context, "ts_1", 1);

    await context.stop("T1");

    const stopped = await ear.until("ts_1", "stopped");
    expect(await untilPrinted(context, "ts_1", 2)).toEqual([0, 1]);
    expect(ear.pathOf("ts_1")).toEqual(["starting", "running", "stopping", "stopped"]);
    expect(stopped).toMatchObject({ from: "stopping", event: "exit", signal: "SIGKILL", escalated: true });
    expect(await isLiving(stopped.pid as number)).toBe(false);
  });

  test("F1: a task that takes its time, but less than its grace period, gets no SIGKILL", async () => {
    const slow = `trap 'echo 1' TERM; trap 'exit 0' USR1; echo 0; while :; do sleep 1000 & wait $!; done`;
    await using context = await runContext([script("ts_1", slow, { supervision: LONG })]);
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    const { pid } = await ear.until("ts_1", "running");
    await untilPrinted(context, "ts_1", 1);

    const stopping = context.stop("T1");
    await untilPrinted(context, "ts_1", 2);
    process.kill(pid as number, "SIGUSR1");
    await stopping;

    expect(await ear.until("ts_1", "stopped")).toMatchObject({ from: "stopping", code: 0, escalated: false });
  });
});

test("F2: the leader exits, its child in the group ignores SIGTERM: the port is free before `stopped` is said", async () => {
  const child = fixture("", "listens-and-ignores-sigterm.mjs");
  const leader = `"$0" "$1" & trap 'exit 0' TERM; wait`;
  const words = ["-c", leader, child.command as string, ...(child.arguments ?? [])];
  await using context = await runContext([script("ts_1", "", { arguments: words, supervision: SHORT })]);
  await using ear = await hearTransitions(context.endpoints);
  await context.start("T1");
  const [port, pid] = await untilPrinted(context, "ts_1", 2);
  const said = context.untilSaid("ts_1", "stopped").then(async () => {
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    server.close();
    await once(server, "close");
  });

  await context.stop("T1");
  await said;

  const stopped = await ear.until("ts_1", "stopped");
  expect(stopped).toMatchObject({ code: 0, escalated: true });
  expect(killedIn(stopped)).toContainEqual({ pid, name: "node", signal: "SIGKILL" });
  expect(await isLiving(pid as number)).toBe(false);
});

describe("F3", () => {
  test.each(["leaves-a-session.sh", "leaves-a-daemon.sh", "hides-a-session.sh"])(
    "F3: a process that has left the group is found, killed and listed, as in %s",
    async (name) => {
      await using context = await runContext([fixture("ts_1", name, { supervision: SHORT })]);
      await using ear = await hearTransitions(context.endpoints);
      await context.start("T1");
      const { pid: leader } = await ear.until("ts_1", "running");
      const pids = await untilPrinted(context, "ts_1", 2);
      const [away] = pids.filter((pid) => pid !== leader);

      await context.stop("T1");

      const stopped = await ear.until("ts_1", "stopped");
      expect(killedIn(stopped)).toContainEqual({ pid: away, name: "sleep", signal: "SIGKILL" });
      expect(await livingOf(pids)).toEqual([]);
    },
  );

  test("F3: an orphan with an empty environment and a session of its own is the known limit: it stays", async () => {
    await using context = await runContext([fixture("ts_1", "hides-a-daemon.sh", { supervision: SHORT })]);
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    const { pid: leader } = await ear.until("ts_1", "running");
    const pids = await untilPrinted(context, "ts_1", 2);
    const [hidden] = pids.filter((pid) => pid !== leader) as [number];

    await context.stop("T1");
    const left = await livingOf(pids);
    process.kill(hidden, "SIGKILL");
    await untilGone(hidden);

    expect(left).toEqual([hidden]);
    expect(killedIn(await ear.until("ts_1", "stopped"))).toEqual([]);
    expect((await readDocument("docs/supervision.md")).replaceAll(/\s+/g, " ")).toContain(
      "What escapes: a process in a session of its own that has also cleared its environment, and whose parent was gone",
    );
  });
});

describe("M1", () => {
  test.each(SHAPES)("M1: no process of $name is left once it has stopped", async ({ name, processes, deaf }) => {
    await using context = await runContext(times((id) => fixture(id, name, { supervision: SHORT })));
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    const ids = Array.from({ length: TIMES }, (_, index) => `ts_${index + 1}`);
    const trees = await Promise.all(ids.map((id) => untilPrinted(context, id, processes)));
    const left = ids.map(async (id, index) => {
      await ear.until(id, "stopped");
      return livingOf(trees[index] ?? []);
    });

    await context.stop("T1");

    expect((await Promise.all(left)).flat()).toEqual([]);
    for (const id of ids) {
      const stopped = await ear.until(id, "stopped");
      const killed = killedIn(stopped).filter(({ pid, signal }) => pid !== stopped.pid && signal === "SIGKILL");
      expect(stopped).toMatchObject({ escalated: true });
      expect(killed.length).toBeGreaterThanOrEqual(deaf);
    }
  });

  test.each(SHAPES)("M1: after a crash of its leader there is one copy of $name", async ({ name, processes }) => {
    const supervision = { ...SHORT, restart: "always", backoff_min_s: 0.01, backoff_max_s: 0.01 };
    await using context = await runContext(times((id) => fixture(id, name, { supervision })));
    await using ear = await hearTransitions(context.endpoints);
    const others = (await started()).map(({ pid }) => pid);
    await context.start("T1");
    const ids = Array.from({ length: TIMES }, (_, index) => `ts_${index + 1}`);
    const first = await Promise.all(ids.map((id) => untilPrinted(context, id, processes)));
    const from = ear.all.length;
    const atRestart = ids.map(async (id, index) => {
      await ear.until(id, "starting", from);
      return livingOf(first[index] ?? []);
    });

    for (const id of ids) process.kill((await ear.until(id, "running")).pid as number, "SIGKILL");
    const left = await Promise.all(atRestart);
    const both = await Promise.all(ids.map((id) => untilPrinted(context, id, 2 * processes)));
    const second = both.flatMap((pids) => pids.slice(processes));
    const living = await livingOf(second);
    const marked = (await started()).map(({ pid }) => pid).filter((pid) => !others.includes(pid));
    await context.stop("T1");

    expect(left.flat()).toEqual([]);
    expect(living).toEqual(second);
    expect(second).toEqual(expect.arrayContaining(marked));
  });
});

test("M1: a process that becomes another program never loses its cookie in the table", async () => {
  const table = createProcessTable();
  const cookie = { context: "context", provider: "provider", run: "run" };
  const child = spawn("sh", [programPath("leaves-a-daemon-that-changes.sh"), "again"], {
    env: { ...process.env, [COOKIE]: writeCookie(cookie) },
  });
  await once(child, "spawn");
  const cookies: unknown[] = [];

  for (let time = 1; time <= 100; time += 1) {
    cookies.push((await table.read()).find(({ pid }) => pid === child.pid)?.cookie);
  }
  child.kill("SIGKILL");
  await once(child, "exit");

  expect(cookies.filter((found) => found === undefined)).toEqual([]);
});

/** Runs as another user; it is started once it is that user's. */
const ofAnother = program("ts_1", "setpriv", {
  arguments: ["--reuid=65534", "--clear-groups", "sh", "-c", "echo in place; exec sleep 1000"],
  supervision: { ...SHORT, ready_log: "in place" },
});
/** What becomes a provider that may signal its own user's processes only. */
const POWERLESS = ["setpriv", "--bounding-set", "-kill", "--inh-caps", "-kill"];
const mayDropPower =
  process.getuid?.() === 0 && spawnSync("setpriv", [...POWERLESS.slice(1), "--reuid=65534", "true"]).status === 0;

test.skipIf(!mayDropPower)(
  "F9: what may not be signalled is stuck, with pid and reason, and no other task waits for it (needs root and setpriv)",
  async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [ofAnother, program("ts_2", "sleep 1000", { supervision: SHORT })]);
    await using provider = await runProvider(file, { prefix: POWERLESS });
    await using client = await connectContext(provider.endpoints, PATIENT);
    await using ear = await hearTransitions(provider.endpoints);
    const before = openDescriptors(provider.pid);
    const tell = async (action: "start" | "stop", ...ids: string[]) => {
      const configuration = ids.length === 0 ? {} : { TaskService: ids.map((id) => ({ id })) };
      return (await client.command({ action, transaction: "T1", configuration })).settled(BOUND_MS);
    };
    await tell("start");
    const { pid } = await ear.until("ts_1", "running");

    let shown: TaskRecord | undefined;
    let path: string[];
    try {
      await client.command({ action: "stop", transaction: "T1", configuration: { TaskService: [{ id: "ts_1" }] } });
      await ear.until("ts_1", "stuck");
      shown = (await client.state("T1")).find(({ service_id }) => service_id === "ts_1");
      await tell("stop", "ts_2");
      const from = ear.all.length;
      await tell("start", "ts_2");
      await ear.until("ts_2", "running", from);
      path = ear.pathOf("ts_1");
    } finally {
      process.kill(pid as number, "SIGKILL");
    }
    await ear.until("ts_1", "stopped");
    await tell("stop");

    const stuck = await ear.until("ts_1", "stuck");
    expect(stuck).toMatchObject({ from: "stopping", pid, cause: expect.stringMatching(`pid ${pid}.*EPERM`) });
    expect(shown).toMatchObject({ lifecycle: "stuck", pid, reason: stuck.cause });
    expect(path).toEqual(["starting", "running", "stopping", "stuck"]);
    await untilNoMoreThan(before, provider.pid, SPARE_PIPE);
    expect(sparePipesOf(provider.pid)).toBeLessThanOrEqual(MOST_SPARE_PIPES);
  },
);

test.skipIf(!mayDropPower)(
  "F9: a provider that is to leave says what it can't end, and leaves (needs root and setpriv)",
  async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [ofAnother, program("ts_2", "sleep 1000", { supervision: SHORT })]);
    await using provider = await runProvider(file, { prefix: POWERLESS, words: ["--start", "T1"] });
    const { pid } = await provider.log.first(({ task, phrase }) => task === "ts_1" && phrase === "running");

    provider.signal("SIGTERM");

    try {
      expect(await provider.exit).toEqual({ code: 1, signal: null });
      expect(await isLiving(pid as number)).toBe(true);
    } finally {
      process.kill(pid as number, "SIGKILL");
    }
    const [told] = provider.log.all.filter(({ phrase }) => phrase === "leaving, though these can't be ended");
    expect(told).toMatchObject({ tasks: ["ts_1"] });
  },
);

describe("F35", () => {
  test("F35: a task that has closed its output stops like any other", async () => {
    const mute = "echo $$; exec sleep 1000 >&- 2>&-";
    await using context = await runContext([script("ts_1", mute, { supervision: LONG })]);
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    const pids = await untilPrinted(context, "ts_1", 1);

    await context.stop("T1");

    expect(await ear.until("ts_1", "stopped")).toMatchObject({ event: "exit", signal: "SIGTERM" });
    expect(await livingOf(pids)).toEqual([]);
  });

  test("F35: a task that has closed its output and ends is seen to have ended", async () => {
    await using context = await runContext([script("ts_1", "exec >&- 2>&-; exit 3")]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");

    expect(await ear.until("ts_1", "failed")).toMatchObject({ event: "exit", code: 3 });
  });

  test("F35: a provider leaves although a process that can't be found prints on and on", async () => {
    const escaped = "(setsid env -i sh -c 'echo $$; while echo on; do sleep 0.1; done' &);";
    await using context = await runContext([script("ts_1", `${escaped} exec sleep 1000`, { supervision: SHORT })]);
    await context.start("T1");
    const [orphan] = await untilPrinted(context, "ts_1", 1);

    await context.provider.close();

    try {
      expect(await isLiving(orphan as number)).toBe(true);
      const [told] = context.log.all.filter(({ phrase }) => phrase === "leaving, though these can't be ended");
      expect(told).toMatchObject({ tasks: ["ts_1"] });
    } finally {
      process.kill(orphan as number, "SIGKILL");
    }
  });

  test("F35: an end is seen, and its pipes are closed, though an orphan that can't be found holds them open", async () => {
    await using context = await runContext([fixture("ts_1", "hides-a-daemon.sh")]);
    await using ear = await hearTransitions(context.endpoints);
    const before = openDescriptors();
    await context.start("T1");
    const { pid: leader } = await ear.until("ts_1", "running");
    const pids = await untilPrinted(context, "ts_1", 2);
    const [orphan] = pids.filter((pid) => pid !== leader) as [number];

    process.kill(leader as number, "SIGKILL");
    const failed = await ear.until("ts_1", "failed");
    await untilNoMoreThan(before);
    const left = await livingOf(pids);
    process.kill(orphan, "SIGKILL");
    await untilGone(orphan);

    expect(failed).toMatchObject({ event: "exit", signal: "SIGKILL" });
    expect(left).toEqual([orphan]);
  });
});

describe("a service that is sent", () => {
  test.each(STOP_SIGNALS.filter((signal) => signal !== "SIGKILL"))("%s to stop hears a request", async (signal) => {
    await using context = await runContext([
      { id: "ts_1", instance: "CleansUp", supervision: { stop_signal: signal } },
    ]);
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    await context.untilSaid("ts_1", "updated");

    await context.stop("T1");

    expect(await ear.until("ts_1", "stopped")).toMatchObject({ code: 0 });
    expect(context.log.all.filter(({ phrase }) => phrase === "output").map(({ line }) => line)).toEqual(["cleaned up"]);
  });
});
