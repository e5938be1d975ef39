// M5: a task counts as running when it has said so, or its probe has; never before.

import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { describe, expect, test } from "vitest";
import { type Attributes, type RunningContext, runContext, type TaskXml } from "../support/context.ts";
import { isLiving, untilGone } from "../support/processes.ts";
import { COUNTED, linesOf, runsOf, stopHeard } from "./runs.ts";
import { hearTransitions, leaveNothing, NEVER_S, program, script, type TransitionEar, until } from "./support.ts";

leaveNothing();

const QUICK: Attributes = { backoff_min_s: 0.01, backoff_max_s: 0.02 };
const STAY = "exec sleep 1000";

function firings({ log }: RunningContext, id: string, event: string): number {
  return log.all.filter(({ phrase, task }) => phrase === `trigger ${event}` && task === id).length;
}

describe("M5: a task that never gets ready", () => {
  const tasks: [string, TaskXml][] = [
    ["a service of ours that never loads", { id: "ts_1", instance: "NeverReady" }],
    ["a program with a probe", script("ts_1", STAY, { supervision: { ready_exec: "false", ready_interval_s: 0.1 } })],
  ];

  test.each(tasks)("is unready, then failed, and never shown as running: %s", async (_, task) => {
    await using context = await runContext([
      {
        ...task,
        supervision: { ...task.supervision, ready_timeout_s: 0.5, grace_s: 0.2 },
        triggers: { on_fail: "start ts_2", on_start: "start ts_3" },
      },
      program("ts_2", "sleep 1000", { entry: "on_demand" }),
      program("ts_3", "sleep 1000", { entry: "on_demand" }),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    const settled = await context.start("T1");
    await ear.until("ts_2", "running");
    const failed = await context.untilState("T1", "ts_1", "failed");
    const { pid } = await ear.until("ts_1", "failed");
    const isThere = await isLiving(pid as number);
    await stopHeard(context, ear);

    expect(settled[0]).toMatchObject({
      lifecycle: "failed",
      reason: expect.stringContaining("not ready within 0.5 s"),
    });
    expect(ear.pathOf("ts_1")).toEqual(["starting", "unready", "failed"]);
    expect(failed.reason).toContain("not ready within 0.5 s");
    expect(isThere).toBe(false);
    expect([firings(context, "ts_1", "on_fail"), firings(context, "ts_1", "on_start")]).toEqual([1, 0]);
    expect(
      context.heard.all.filter(({ header }) => header.serviceId === "ts_1" && header.action === "started"),
    ).toEqual([]);
  });

  test("is tried again by its policy, up to its limit", async () => {
    await using context = await runContext([
      script("ts_1", STAY, {
        readyAfterS: NEVER_S,
        supervision: { ...QUICK, ready_timeout_s: 0.5, ready_exec: "false", restart: "on-failure", max_restarts: 2 },
      }),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    const failed = await context.untilState("T1", "ts_1", "failed");
    await ear.until("ts_1", "failed");

    // Not what they have written: a run may be over before its shell has begun.
    const runs = ear.all.flatMap(({ from, to, pid }) => (to === "unready" && from !== to ? [pid as number] : []));
    expect(runs).toHaveLength(3);
    expect(await Promise.all(runs.map(isLiving))).toEqual([false, false, false]);
    expect(failed.reason).toContain("not ready within 0.5 s");
  });

  test("because the program of its probe is not there says so at once", async () => {
    await using context = await runContext([
      script("ts_1", STAY, { supervision: { ready_exec: "no-such-program", ready_timeout_s: NEVER_S } }),
    ]);

    context.provider.start("T1");
    const told = await context.log.first(({ phrase }) => phrase === "faulty probe");
    await context.stop("T1");

    expect(told).toMatchObject({
      task: "ts_1",
      reason: `ready_exec "no-such-program": no program "no-such-program" on the provider's PATH`,
    });
  });

  test("because its probe is refused says what that has said", async () => {
    // Time enough for one attempt on a busy machine.
    const probe = { ready_exec: "sh -c 'echo db not up >&2; exit 3'", ready_interval_s: 0.1, ready_timeout_s: 5 };
    await using context = await runContext([script("ts_1", STAY, { supervision: probe })]);

    const [task] = await context.start("T1");

    expect(task?.reason).toBe(
      `not ready within 5 s: ready_exec "sh -c 'echo db not up >&2; exit 3'": exit code 3: db not up`,
    );
  });

  test("can be stopped while it is starting, which is no failure", async () => {
    await using context = await runContext([
      { id: "ts_1", instance: "NeverReady", supervision: { grace_s: 0.2 }, triggers: { on_fail: "restart ts_1" } },
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    await context.log.first(({ phrase, line }) => phrase === "output" && line === "loading, for ever");
    await stopHeard(context, ear);

    expect(ear.pathOf("ts_1")).toEqual(["starting", "stopping", "stopped"]);
    expect(firings(context, "ts_1", "on_fail")).toBe(0);
  });
});

describe("M5: a task with a probe is running once that succeeds", () => {
  const QUICKLY: Attributes = { ready_interval_s: 0.1 };

  /** Starts the task, sees that it waits, has the probe succeed, and looks at what was on the way. */
  async function follow(
    supervision: Attributes,
    {
      waits,
      succeed,
      task = script("ts_1", STAY),
    }: {
      task?: TaskXml;
      waits: (context: RunningContext) => Promise<unknown>;
      succeed: (context: RunningContext, ear: TransitionEar) => unknown;
    },
  ): Promise<string[]> {
    await using context = await runContext([
      { ...task, supervision: { ...QUICKLY, ...supervision }, triggers: { on_start: "start ts_2" } },
      program("ts_2", "sleep 1000", { entry: "on_demand" }),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    await ear.until("ts_1", "starting");
    await waits(context);
    const before = ear.pathOf("ts_1");
    await succeed(context, ear);
    await ear.until("ts_1", "running");
    await ear.until("ts_2", "running");
    await stopHeard(context, ear);

    expect(before).toEqual(["starting"]);
    expect(firings(context, "ts_1", "on_start")).toBe(1);
    expect(
      context.heard.all.filter(({ header }) => header.serviceId === "ts_1").map(({ header }) => header.action),
    ).toEqual(["started", "stopped"]);
    return ear.pathOf("ts_1");
  }

  const USUAL = ["starting", "running", "stopping", "stopped"];

  test("exec", async () => {
    const path = await follow(
      { ready_exec: `sh -c 'echo asked >> asked; test -e ready'` },
      {
        waits: ({ folder }) => until("two attempts", async () => (await linesOf(folder.at("asked"))).length >= 2),
        succeed: ({ folder }) => folder.write("ready", ""),
      },
    );

    expect(path).toEqual(USUAL);
  });

  test("exec, in the environment and the folder of the task", async () => {
    await using context = await runContext([
      script("ts_1", STAY, { supervision: { ready_exec: "sh -c 'test \"$GREETING\" = hello'", env_file: "task.env" } }),
    ]);
    await context.folder.write("task.env", "GREETING=hello\n");

    const [task] = await context.start("T1");
    await context.stop("T1");

    expect(task?.lifecycle).toBe("running");
  });

  test("exec, also where its command leaves a process behind that ignores SIGTERM", async () => {
    await using context = await runContext([
      script("ts_1", STAY, {
        supervision: { ready_exec: `sh -c 'trap "" TERM; sleep 1000 & echo $! > left; exit 0'`, ready_timeout_s: 15 },
      }),
    ]);

    const [task] = await context.start("T1");
    const left = await linesOf(context.folder.at("left"));
    await untilGone(...left.map(Number));
    await context.stop("T1");

    expect(left).toHaveLength(1);
    expect(task?.lifecycle).toBe("running");
  });

  test("exec, of a service of ours that has said it has started", async () => {
    const path = await follow(
      { ready_exec: "test -e ready" },
      {
        task: { id: "ts_1", instance: "Steady" },
        waits: (context) => context.untilSaid("ts_1", "started"),
        succeed: ({ folder }) => folder.write("ready", ""),
      },
    );

    expect(path).toEqual(USUAL);
  });

  test("tcp", async () => {
    await using server = await listening(createServer((socket) => socket.destroy()));
    await using deaf = await deafPort();
    await using context = await runContext([
      script("ts_1", STAY, { supervision: { ...QUICKLY, ready_tcp: `127.0.0.1:${server.port}` } }),
      script("ts_2", STAY, { supervision: { ...QUICKLY, ready_tcp: deaf.port, ready_timeout_s: 3 } }),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    const failed = await context.untilState("T1", "ts_2", "failed");
    await ear.until("ts_1", "running");
    await stopHeard(context, ear);

    expect(ear.pathOf("ts_1")).toEqual(USUAL);
    expect(ear.pathOf("ts_2")).toEqual(["starting", "unready", "failed"]);
    expect(failed.reason).toBe(`not ready within 3 s: ready_tcp 127.0.0.1:${deaf.port}: connection refused`);
  });

  test("http", async () => {
    let status = 503;
    let asked = 0;
    await using server = await listening(
      createHttpServer((_, response) => {
        asked += 1;
        response.writeHead(status).end();
      }),
    );

    const path = await follow(
      { ready_http: `http://127.0.0.1:${server.port}/health` },
      {
        waits: () => until("two attempts", () => asked >= 2),
        succeed: () => {
          status = 200;
        },
      },
    );

    expect(path).toEqual(USUAL);
  });

  test("log", async () => {
    const path = await follow(
      { ready_log: "^listening on \\d+$" },
      {
        task: script(
          "ts_1",
          "echo not listening on 7; while [ ! -e go ]; do sleep 0.02; done; echo listening on 7 >&2; exec sleep 1000",
        ),
        waits: ({ log }) => log.first(({ line }) => line === "not listening on 7"),
        succeed: ({ folder }) => folder.write("go", ""),
      },
    );

    expect(path).toEqual(USUAL);
  });

  test("and one that is never asked again once it has: a port that closes later is no failure", async () => {
    await using server = await listening(createServer((socket) => socket.destroy()));
    await using context = await runContext([
      script("ts_1", STAY, { supervision: { ...QUICKLY, ready_tcp: server.port } }),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    await context.start("T1");
    await server[Symbol.asyncDispose]();
    await stopHeard(context, ear);

    expect(ear.pathOf("ts_1")).toEqual(USUAL);
  });
});

describe("F34: a task that hangs holds up no other", () => {
  test("a probe that hangs is cut with all it has started, and asked again", async () => {
    await using context = await runContext([
      script("ts_1", STAY, {
        supervision: {
          ready_exec: "sh -c 'setsid sleep 1000 & echo $! >> children; trap : TERM; while :; do sleep 1000; done'",
          ready_interval_s: 0.1,
          // An attempt has to have started its child before it is cut.
          ready_probe_timeout_s: 1,
          ready_timeout_s: 6,
        },
      }),
      program("ts_2", "sleep 1000"),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    const children = await until("two attempts", async () => {
      const lines = await linesOf(context.folder.at("children"));
      return lines.length >= 2 && lines.map(Number);
    });
    await untilGone(children[0] as number);
    const failed = await context.untilState("T1", "ts_1", "failed");
    await untilGone(...(await linesOf(context.folder.at("children"))).map(Number));
    await stopHeard(context, ear);

    expect(failed.reason).toMatch(/^not ready within 6 s: ready_exec "sh -c .*: no answer within 1 s$/);
    expect(ear.pathOf("ts_2")).toEqual(["starting", "running", "stopping", "stopped"]);
  });

  test("a trigger's target that never gets ready does not keep the one that fired from running again", async () => {
    await using context = await runContext([
      script("ts_1", `${COUNTED} exit 1`, {
        supervision: { ...QUICK, restart: "on-failure", max_restarts: 3 },
        triggers: { on_fail: "start ts_2" },
      }),
      { id: "ts_2", instance: "NeverReady", entry: "on_demand", supervision: { grace_s: 0.2 } },
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    await ear.until("ts_1", "failed");
    const target = ear.pathOf("ts_2");
    await stopHeard(context, ear);

    expect(await runsOf(context, "ts_1")).toHaveLength(4);
    expect(target).toEqual(["starting"]);
    expect(firings(context, "ts_1", "on_fail")).toBe(4);
  });
});

/** A port that is bound, and not listened on. */
async function deafPort(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer();
  const { port, ...listener } = await listening(server);
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return {
    port: socket.localPort as number,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await listener[Symbol.asyncDispose]();
    },
  };
}

async function listening(server: Server): Promise<{ port: number } & AsyncDisposable> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise((closed) => server.close(() => closed())),
  };
}
