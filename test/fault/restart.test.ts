// Tasks that end by themselves: whether, how often and until when they are run again.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chown, readdir } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { connectContext } from "../../src/context/client/client.ts";
import { BOUND_MS, PATIENT } from "../support/bound.ts";
import {
  type Attributes,
  contextXml,
  type RunningContext,
  runContext,
  SERVICES,
  type TaskXml,
} from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { isLiving, untilGone } from "../support/processes.ts";
import { type ProviderProcess, startProvider } from "../support/provider.ts";
import { startScript } from "../support/script.ts";
import { COUNTED, linesOf, runsOf, stopHeard } from "./runs.ts";
import { hearTransitions, leaveNothing, NEVER_S, program, script, type TransitionEar, until } from "./support.ts";

leaveNothing();

/** Short waits, so that tests are quick. */
const QUICK: Attributes = { backoff_min_s: 0.01, backoff_max_s: 0.02 };
const PERSISTENT: Attributes = { ...QUICK, max_restarts: 1000 };
const STAY = "exec sleep 1000";

/** How often something was said about a task by the context. */
function saidByContext({ heard }: RunningContext, action: string, id: string): string[] {
  return heard.all.flatMap((message) =>
    message.kind === "control" && message.header.action === action && message.status.task === id
      ? [String(message.status.reason)]
      : [],
  );
}

async function untilSaidByContext(context: RunningContext, action: string, id: string, count = 1): Promise<string[]> {
  await context.heard.first(() => saidByContext(context, action, id).length >= count, { what: `${action} ${id}` });
  return saidByContext(context, action, id);
}

function firings({ log }: RunningContext, id: string, event: string): number {
  return log.all.filter(({ phrase, task }) => phrase === `trigger ${event}` && task === id).length;
}

function spawnsOf(ear: TransitionEar, id: string): number {
  return ear.pathOf(id).filter((state) => state === "starting").length;
}

describe("F4: a task that exits at once is tried 1 + 5 times", () => {
  const tasks: [string, TaskXml][] = [
    ["by policy", script("ts_1", `${COUNTED} exit 1`, { supervision: { ...QUICK, restart: "on-failure" } })],
    [
      "by policy, before it is ready",
      script("ts_1", `${COUNTED} exit 1`, {
        readyAfterS: NEVER_S,
        supervision: { ...QUICK, restart: "on-failure" },
      }),
    ],
    [
      "by its own trigger restart",
      script("ts_1", `${COUNTED} exit 1`, { supervision: QUICK, triggers: { on_fail: "restart ts_1" } }),
    ],
    [
      "by its own trigger start",
      script("ts_1", `${COUNTED} exit 1`, { supervision: QUICK, triggers: { on_fail: "start ts_1" } }),
    ],
    [
      "by policy and its own trigger together",
      script("ts_1", `${COUNTED} exit 1`, {
        supervision: { ...QUICK, restart: "on-failure" },
        triggers: { on_fail: "restart ts_1" },
      }),
    ],
    [
      "with policy always, though its ends are no failures",
      script("ts_1", `${COUNTED} exit 0`, { supervision: { ...QUICK, restart: "always" } }),
    ],
  ];

  test.each(tasks)("%s", async (_, task) => {
    await using context = await runContext([task, program("ts_2", "sleep 1000")]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    const [reason] = await untilSaidByContext(context, "not_restarted", "ts_1");
    const failed = (await context.client.state("T1")).find(({ service_id }) => service_id === "ts_1");
    const { killed, pid } = await ear.until("ts_2", "running");
    const isOtherThere = await isLiving(pid as number);
    await stopHeard(context, ear);

    const runs = await runsOf(context, "ts_1");
    expect(new Set(runs).size).toBe(6);
    expect(runs).toHaveLength(6);
    expect(spawnsOf(ear, "ts_1")).toBe(6);
    expect(ear.pathOf("ts_1").at(-1)).toBe("failed");
    expect(failed).toMatchObject({
      lifecycle: "failed",
      reason: expect.stringContaining("it has ended more than 5 times within 60 s"),
    });
    expect(reason).toContain("it has ended more than 5 times within 60 s");
    expect(saidByContext(context, "not_restarted", "ts_1")).toHaveLength(1);
    expect([isOtherThere, killed, ear.pathOf("ts_2")]).toEqual([
      true,
      undefined,
      ["starting", "running", "stopping", "stopped"],
    ]);
  });

  test("by policy, also when it is a service of ours", async () => {
    await using context = await runContext([
      { id: "ts_1", instance: "ExitsWithCodeThree", supervision: { ...QUICK, restart: "on-failure" } },
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    await ear.until("ts_1", "failed");

    const pids = ear.all.flatMap(({ pid, to }) => (to === "running" ? [pid] : []));
    expect([spawnsOf(ear, "ts_1"), new Set(pids).size]).toEqual([6, 6]);
  });

  test("and its triggers are carried out once for each failure", async () => {
    await using context = await runContext([
      script("ts_1", `${COUNTED} exit 1`, {
        supervision: { ...QUICK, restart: "on-failure" },
        triggers: { on_fail: "start ts_2" },
      }),
      program("ts_2", "sleep 1000", { entry: "on_demand" }),
    ]);

    context.provider.start("T1");
    await untilSaidByContext(context, "not_restarted", "ts_1");
    await context.stop("T1");

    expect(firings(context, "ts_1", "on_fail")).toBe(6);
  });
});

describe("F5: a slow crash loop", () => {
  test("has failed once its ends fall into one period", async () => {
    await using context = await runContext([
      script("ts_1", `${COUNTED} sleep 0.3; exit 1`, {
        supervision: { ...QUICK, max_restarts: 2, restart: "on-failure" },
      }),
    ]);

    context.provider.start("T1");
    const [reason] = await untilSaidByContext(context, "not_restarted", "ts_1");

    expect(await runsOf(context, "ts_1")).toHaveLength(3);
    expect(reason).toContain("more than 2 times within 60 s");
  });

  test("goes on for as long as its ends lie further apart than the rule asks for", async () => {
    await using context = await runContext([
      script("ts_1", `${COUNTED} sleep 1.1; exit 1`, {
        supervision: { ...QUICK, max_restarts: 1, period_s: 1, restart: "on-failure" },
      }),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    await ear.first(({ to, run }) => to === "backingOff" && run === 4);
    await stopHeard(context, ear);

    expect((await runsOf(context, "ts_1")).length).toBeGreaterThanOrEqual(4);
    expect(saidByContext(context, "not_restarted", "ts_1")).toEqual([]);
  });
});

describe("a start by hand", () => {
  test("begins the count anew, and that is said", async () => {
    await using context = await runContext([
      script("ts_1", `${COUNTED} exit 1`, { supervision: { ...QUICK, restart: "on-failure" } }),
      program("ts_2", "sleep 1000"),
    ]);
    context.provider.start("T1");
    await untilSaidByContext(context, "not_restarted", "ts_1");

    await context.client.command({
      action: "start",
      transaction: "T1",
      configuration: { TaskService: [{ id: "ts_1" }] },
    });
    await untilSaidByContext(context, "not_restarted", "ts_1", 2);
    await context.stop("T1");

    expect(await runsOf(context, "ts_1")).toHaveLength(12);
    expect(context.log.all).toContainEqual(
      expect.objectContaining({ phrase: "restart count cleared by a start", task: "ts_1", ends: 6 }),
    );
  });

  test("is all that starts a task at its limit: a trigger's start of it is refused, visibly", async () => {
    await using context = await runContext([
      script("ts_1", `${COUNTED} exit 1`, { supervision: { ...QUICK, max_restarts: 1, restart: "on-failure" } }),
      script("ts_2", "while [ ! -e go ]; do sleep 0.02; done; exit 0", { triggers: { on_exit: "restart ts_1" } }),
      program("ts_3", "sleep 1000"),
    ]);
    context.provider.start("T1");
    await untilSaidByContext(context, "not_restarted", "ts_1");

    await context.folder.write("go", "");
    const [, refusal] = await untilSaidByContext(context, "not_restarted", "ts_1", 2);
    await context.stop("T1");

    expect(await runsOf(context, "ts_1")).toHaveLength(2);
    expect(refusal).toContain("ended more than once within 60 s");
  });
});

describe("F6: a stop is never followed by a start", () => {
  /** Waits of the same length, so that those of one transaction outlast those of another that began before. */
  const EVEN: Attributes = { backoff_min_s: 0.04, backoff_max_s: 0.04, max_restarts: 1000 };
  const tasks = [
    // Ends at once, again and again; each start of it starts others.
    script("ts_1", `${COUNTED} exit 1`, {
      supervision: { ...EVEN, restart: "on-failure" },
      triggers: { on_start: "start ts_3", on_fail: "start ts_4" },
    }),
    // Restarts itself.
    script("ts_2", `${COUNTED} exit 0`, { supervision: EVEN, triggers: { on_exit: "restart ts_2" } }),
    script("ts_3", `${COUNTED} ${STAY}`, { entry: "on_demand" }),
    script("ts_4", `${COUNTED} exit 0`, { entry: "on_demand", supervision: { ...EVEN, restart: "always" } }),
    // Never gets further than starting.
    script("ts_5", `${COUNTED} ${STAY}`, { readyAfterS: NEVER_S, supervision: { grace_s: 1 } }),
  ];

  test("at whatever event it comes: one stopped for each task, and no spawn afterwards", async () => {
    await using context = await runContext(tasks);
    await using ear = await hearTransitions(context.endpoints);
    const client = context.client;
    let count = 0;

    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 40 }), async (event) => {
        count += 1;
        const transaction = `T${count}`;
        const own = () => ear.all.filter((one) => one.transaction === transaction);

        context.provider.start(transaction);
        await ear.first(() => own().length >= event);
        const stopping = await client.command({ action: "stop", transaction });
        await context.heard.first(({ header }) => header.action === "ended" && header.transaction === transaction);
        await stopping.settled(BOUND_MS);
        const runs = (await linesOf(context.folder.at("runs"))).filter((line) => line.startsWith(`${transaction} `));
        // Whatever it had pending was due before a wait of another, begun later, has ended twice.
        const later = `${transaction}-later`;
        context.provider.start(later);
        await ear.first((one) => one.transaction === later && one.task === "ts_1" && one.run === 3);
        await (await client.command({ action: "stop", transaction: later })).settled(BOUND_MS);

        const after = (await linesOf(context.folder.at("runs"))).filter((line) => line.startsWith(`${transaction} `));
        expect(after).toEqual(runs);
        for (const { id } of tasks) {
          const path = own().filter((one) => one.task === id && one.from !== one.to);
          expect(path.filter(({ to }) => to === "stopped").length).toBeLessThanOrEqual(1);
          expect(["stopped", "exited", "failed"]).toContain(path.at(-1)?.to);
          expect(path.at(-1)?.is_wanted).toBe(false);
        }
      }),
      { numRuns: 10 },
    );
  });
});

describe("F15: a task whose port is in use", () => {
  test.each([
    ["a program", program],
    ["a service of ours", undefined],
  ])("says by its reason which port that is: %s", async (_, isProgram) => {
    await using taken = await takePort();
    const source = `import("node:net").then(({ createServer }) => createServer().listen(${taken.port}, "127.0.0.1"))`;
    await using context = await runContext([
      isProgram
        ? program("ts_1", `'${process.execPath}' -e '${source}'`, {
            supervision: { ...QUICK, max_restarts: 1, restart: "on-failure" },
          })
        : {
            id: "ts_1",
            instance: "TakesAPort",
            configuration: `<device_action>test</device_action><port>${taken.port}</port>`,
            supervision: { ...QUICK, max_restarts: 1, restart: "on-failure" },
          },
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    const failed = await context.untilState("T1", "ts_1", "failed");

    expect(ear.pathOf("ts_1")).toContain("backingOff");
    expect(failed.reason).toContain(`listen EADDRINUSE: address already in use 127.0.0.1:${taken.port}`);
  });
});

describe("what an end means", () => {
  test("success_codes are no failures", async () => {
    await using context = await runContext([
      script("ts_1", `${COUNTED} exit 3`, {
        supervision: { ...QUICK, restart: "on-failure", success_codes: "0 3" },
        triggers: { on_exit: "start ts_2", on_fail: "start ts_3" },
      }),
      program("ts_2", "sleep 1000", { entry: "on_demand" }),
      program("ts_3", "sleep 1000", { entry: "on_demand" }),
    ]);

    context.provider.start("T1");
    await context.untilState("T1", "ts_1", "exited");
    await context.untilState("T1", "ts_2", "running");
    await context.stop("T1");

    expect(await runsOf(context, "ts_1")).toHaveLength(1);
    expect([firings(context, "ts_1", "on_exit"), firings(context, "ts_1", "on_fail")]).toEqual([1, 0]);
  });

  test("a code that is no success is a failure, also 0 where the list leaves it out", async () => {
    await using context = await runContext([
      script("ts_1", `${COUNTED} exit 0`, {
        supervision: { ...QUICK, max_restarts: 2, restart: "on-failure", success_codes: "3" },
      }),
    ]);

    context.provider.start("T1");
    await context.untilState("T1", "ts_1", "failed");

    expect(await runsOf(context, "ts_1")).toHaveLength(3);
  });

  test.each(["on-failure", "always"])("no_restart_codes are never restarted under %s", async (restart) => {
    await using context = await runContext([
      script("ts_1", `${COUNTED} exit 7`, { supervision: { ...QUICK, restart, no_restart_codes: "7" } }),
    ]);

    context.provider.start("T1");
    const failed = await context.untilState("T1", "ts_1", "failed");
    await context.heard.first(({ header }) => header.action === "ended");

    expect(await runsOf(context, "ts_1")).toHaveLength(1);
    expect(failed.reason).toBe("the process ended with code 7");
  });

  test("on_limit keep-trying goes on at the longest wait", async () => {
    await using context = await runContext([
      script("ts_1", `${COUNTED} exit 1`, {
        supervision: {
          backoff_min_s: 0.01,
          backoff_max_s: 0.1,
          max_restarts: 1,
          on_limit: "keep-trying",
          restart: "on-failure",
        },
      }),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    await ear.first(({ run }) => run === 5);
    await stopHeard(context, ear);

    expect((await runsOf(context, "ts_1")).length).toBeGreaterThanOrEqual(4);
    const waits = context.log.all.flatMap(({ phrase, delay_ms }) => (phrase === "backing off" ? [delay_ms] : []));
    expect(waits[0]).toBeLessThan(13);
    for (const wait of waits.slice(1)) expect(wait).toBeGreaterThanOrEqual(80);
    expect(saidByContext(context, "not_restarted", "ts_1")).toEqual([]);
    expect(ear.pathOf("ts_1").at(-1)).toBe("stopped");
  });
});

describe("an essential task", () => {
  test("that ends for good ends the provider with its code, and all others first", async () => {
    await using provider = await runProvider(
      [
        script("ts_1", "exit 9", {
          supervision: { ...QUICK, essential: "true", max_restarts: 2, restart: "on-failure" },
        }),
        program("ts_2", "sleep 1000"),
      ],
      "--start",
    );

    expect(await provider.exit).toEqual({ code: 9, signal: null });
    expect(provider.processes()).toEqual([]);
    const spawned = provider.log.all.filter(({ msg, task }) => msg === "starting" && task === "ts_1");
    expect(spawned).toHaveLength(3);
  });

  test("that fails, and leaves with 0 then, ends it with 1", async () => {
    await using provider = await runProvider(
      [
        script("ts_1", "trap 'exit 0' TERM; while :; do sleep 0.05; done", {
          supervision: { essential: "true", ready_log: "never", ready_timeout_s: 0.3 },
        }),
      ],
      "--start",
    );

    expect(await provider.exit).toEqual({ code: 1, signal: null });
  });

  test("that was stopped by hand ends no other", async () => {
    await using context = await runContext([
      program("ts_1", "sleep 1000", { supervision: { essential: "true" } }),
      program("ts_2", "sleep 1000"),
    ]);
    let isOver = false;
    void context.provider.essentialEnd.then(() => {
      isOver = true;
    });

    await context.start("T1");
    await context.stop("T1", "ts_1");
    await context.stop("T1");

    expect(isOver).toBe(false);
  });
});

describe("with a task that comes back", () => {
  test.each([
    { strategy: "one_for_one", restarted: ["ts_2"] },
    { strategy: "rest_for_one", restarted: ["ts_2", "ts_3"] },
    { strategy: "one_for_all", restarted: ["ts_1", "ts_2", "ts_3"] },
  ])("$strategy restarts $restarted", async ({ strategy, restarted }) => {
    const ids = ["ts_1", "ts_2", "ts_3"];
    await using context = await runContext(
      ids.map((id) => script(id, `${COUNTED} ${STAY}`)),
      { supervision: { ...PERSISTENT, strategy, restart: "on-failure" } },
    );
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    await until("the first runs", async () => (await linesOf(context.folder.at("runs"))).length === 3);
    const [pid] = await runsOf(context, "ts_2");

    process.kill(pid as number, "SIGKILL");
    for (const id of restarted) await ear.first((one) => one.task === id && one.run === 2 && one.to === "running");
    await until(
      "the second runs",
      async () => (await linesOf(context.folder.at("runs"))).length === 3 + restarted.length,
    );
    const living = await Promise.all(ids.map(async (id) => isLiving((await runsOf(context, id)).at(-1) as number)));
    await stopHeard(context, ear);

    expect(living).toEqual([true, true, true]);
    for (const id of ids) expect(await runsOf(context, id), id).toHaveLength(restarted.includes(id) ? 2 : 1);
  });
});

describe("F30: when the system is short", () => {
  const tasks = [
    program("ts_1", "sleep 1000"),
    program("ts_2", "sleep 1000", { entry: "on_demand", supervision: PERSISTENT }),
    { id: "ts_3", instance: "Steady", entry: "on_demand", supervision: PERSISTENT },
    { id: "ts_4", instance: "EndsAtOnce", entry: "on_demand", supervision: PERSISTENT },
  ];

  test("of descriptors, starts wait and come by themselves, and no other task suffers", async () => {
    await using provider = await runProvider(tasks);

    await startDuringShortage(provider, ["ts_2", "ts_3", "ts_4"], {
      some: "--nofile=3:",
      enough: "--nofile=4096:",
      code: "EMFILE",
    });

    expect(provider.log.all.filter(({ level }) => level === "error")).toEqual([]);
  });

  test.skipIf(process.getuid?.() !== 0)("of processes, just the same", async () => {
    await using folder = await makeFolder();
    const file = await folder.write("Context-Test.xml", contextXml(tasks));
    await chown(folder.path, NOBODY, NOBODY);
    await using provider = await startScript("runs-a-provider-as-nobody.mjs", file, SERVICES);
    const { endpoints } = JSON.parse(provider.firstLine) as Pick<ProviderProcess, "endpoints">;

    await startDuringShortage({ pid: provider.pid, endpoints }, ["ts_2", "ts_3", "ts_4"], {
      some: "--nproc=1:",
      enough: "--nproc=4096:",
      code: "EAGAIN",
      owner: { uid: NOBODY, gid: NOBODY },
    });
  });

  /** Has `ts_1` run while there is enough of something, and these be started while there is not. */
  async function startDuringShortage(
    { pid, endpoints }: Pick<ProviderProcess, "pid" | "endpoints">,
    ids: readonly string[],
    { code, ...shortageOf }: Shortage & { code: string },
  ): Promise<void> {
    await using ear = await hearTransitions(endpoints);
    await using client = await connectContext(endpoints, PATIENT);
    await (await client.command({ action: "start", transaction: "T1" })).settled(BOUND_MS);
    const steady = await ear.until("ts_1", "running");
    const configuration = { TaskService: ids.map((id) => ({ id })) };

    await using shortage = await limited(pid, shortageOf);
    const starting = await client.command({ action: "start", transaction: "T1", configuration });
    for (const id of ids)
      await ear.first((one) => one.task === id && one.to === "backingOff" && one.run === 3, { what: `${id} waits` });
    const during = await client.state("T1");
    await shortage.end();
    await starting.settled(BOUND_MS);
    for (const id of ids) await ear.until(id, "running");

    const causes = ear.all.filter(({ event }) => event === "spawnFailed").map(({ cause }) => String(cause));
    expect(causes.filter((cause) => !cause.includes(code))).toEqual([]);
    expect(during[0]).toMatchObject({ service_id: "ts_1", lifecycle: "running", pid: steady.pid });
    expect(ear.pathOf("ts_1")).toEqual(["starting", "running"]);
    expect(await isLiving(steady.pid as number)).toBe(true);
    await (await client.command({ action: "stop", transaction: "T1" })).settled(BOUND_MS);
  }

  test("of descriptors for the compiler of a service, its start waits as well", async () => {
    await using provider = await runProvider(tasks);

    // The compiler needs more of them than whatever is opened before it.
    const open = new Set((await readdir(`/proc/${provider.pid}/fd`)).map(Number));
    const few = Array.from({ length: 1_000 }, (_, file) => file).filter((file) => !open.has(file))[8];
    await startDuringShortage(provider, ["ts_4"], {
      some: `--nofile=${few}:`,
      enough: "--nofile=4096:",
      code: "EMFILE",
    });

    expect(provider.log.all.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("of descriptors, a task that ends meanwhile counts as ended once that can be seen, and is started again", async () => {
    await using provider = await runProvider([
      program("ts_1", "sleep 1000", { supervision: { ...PERSISTENT, restart: "on-failure" } }),
    ]);
    await using ear = await hearTransitions(provider.endpoints);
    await using client = await connectContext(provider.endpoints, PATIENT);
    await (await client.command({ action: "start", transaction: "T1" })).settled(BOUND_MS);
    const { pid } = await ear.until("ts_1", "running");

    await using shortage = await limited(provider.pid, { some: "--nofile=3:", enough: "--nofile=4096:" });
    process.kill(pid as number, "SIGKILL");
    await untilGone(pid as number);
    await client.state("T1");
    await shortage.end();
    const back = await ear.first(({ to, run }) => to === "running" && run === 2);

    expect(await isLiving(back.pid as number)).toBe(true);
    expect(provider.log.all.filter(({ level }) => level === "error")).toEqual([]);
  });
});

/** The user that nothing belongs to. */
const NOBODY = 65_534;

/** The built command on a context file of these tasks, in a process of its own. */
async function runProvider(tasks: readonly TaskXml[], ...options: string[]): Promise<ProviderProcess> {
  await using folder = await makeFolder();
  return await startProvider(await folder.write("Context-Test.xml", contextXml(tasks)), ...options);
}

/** A port of the system's choice that is listened on. */
async function takePort(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise((closed) => server.close(() => closed())),
  };
}

/** By the words of prlimit; only the user whose process it is may set it, root or not. */
interface Shortage {
  some: string;
  enough: string;
  owner?: { uid: number; gid: number };
}

/** Has the system refuse things to a process until this is ended. */
async function limited(
  pid: number,
  { some, enough, owner }: Shortage,
): Promise<{ end(): Promise<void> } & AsyncDisposable> {
  const set = async (limit: string) => {
    await promisify(execFile)("prlimit", ["--pid", String(pid), limit], owner);
  };
  await set(some);
  const end = () => set(enough);
  return { end, [Symbol.asyncDispose]: end };
}

describe("a service whose code can't be run is tried once, and again when the code has changed:", () => {
  const MENDED = `import { defineService } from "zcontext/tasks";
    export default defineService({ name: "own", description: "", task: { kind: "looped", run: (s) => s.sleep(1e6) } });`;
  const source = "services/Own/ServiceOwn.ts";

  test.each([
    ["it throws", `const port: number = 1;\nthrow new TypeError("no port");`, "TypeError: no port, at %:2:7"],
    ["it does not compile", "const port: number = ;", '% does not compile; %:1:22: Unexpected ";"'],
    ["it imports what is not there", `import "./gone.js";`, '% does not compile; %:1:8: Could not resolve "./gone.js"'],
    ["it has no default export", "export const own = 1;", "got no default export"],
    ["its task has no run", `export default { task: { kind: "single" } };`, "got a task without the function run"],
    ["it is not there", undefined, "no Own/ServiceOwn.ts"],
  ])("%s", async (_what, code, fault) => {
    for (const serviceType of ["Process", "Thread"] as const) {
      await using context = await runContext([
        { id: "ts_1", instance: "Own", serviceType, supervision: { ...QUICK, restart: "always", max_restarts: 1 } },
      ]);
      await using ear = await hearTransitions(context.endpoints);
      if (code !== undefined) await context.folder.write(source, code);

      const [failed] = await context.start("T1");
      await context.untilState("T1", "ts_1", "failed");
      const [reason] = await untilSaidByContext(context, "not_restarted", "ts_1");
      await context.folder.write(source, MENDED);
      await context.untilState("T1", "ts_1", "running");
      await stopHeard(context, ear);

      expect(failed?.reason).toContain(fault.replaceAll("%", context.folder.at(source)));
      expect(reason).toContain("no restart until its code changes");
      expect(spawnsOf(ear, "ts_1")).toBe(2);
    }
  });

  test("a stop ends the wait, and with it the transaction", async () => {
    await using context = await runContext([{ id: "ts_1", instance: "Own", supervision: { restart: "always" } }]);
    await context.start("T1");
    await untilSaidByContext(context, "not_restarted", "ts_1");

    await context.stop("T1");

    await context.heard.first(({ header }) => header.action === "ended", { what: "the end of the transaction" });
  });
});
