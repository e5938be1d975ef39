import { execFile, execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { connectContext } from "../../src/context/client/client.ts";
import { connectLink } from "../../src/link/link.ts";
import type { Endpoints } from "../../src/protocol/endpoints.ts";
import { type ControlMessage, readMessage, writeMessage } from "../../src/protocol/message.ts";
import type { TaskRecord } from "../../src/protocol/task-record.ts";
import { BOUND_MS, PATIENT } from "../support/bound.ts";
import { contextXml, type RunningContext, runContext, SERVICES, type TaskXml } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { listen } from "../support/link.ts";
import { isLiving, leaveNoProcess, started, untilGone } from "../support/processes.ts";
import { startScript } from "../support/script.ts";

leaveNoProcess();

function pidsOf(records: readonly TaskRecord[]): number[] {
  return records.map(({ pid }) => pid as number);
}

function statesOf(records: readonly TaskRecord[]): string[] {
  return records.map(({ service_id, lifecycle }) => `${service_id} ${lifecycle}`);
}

async function living(...pids: number[]): Promise<number[]> {
  const alive = await Promise.all(pids.map(isLiving));
  return pids.filter((_pid, index) => alive[index]);
}

/** What was printed by a task, by stream. */
function outputOf({ log }: RunningContext, id: string, stream: "stdout" | "stderr"): unknown[] {
  return log.all
    .filter(({ phrase, task, ...line }) => phrase === "output" && task === id && line.stream === stream)
    .map(({ line }) => line);
}

/** How often this trigger of a task has fired. */
function firings({ log }: RunningContext, id: string, event: string): number {
  return log.all.filter(({ phrase, task }) => phrase === `trigger ${event}` && task === id).length;
}

/** The first so many announcements about a task and all that have come by then, without the items. */
async function saidAbout({ heard }: RunningContext, id: string, count: number): Promise<string[]> {
  const said = () => heard.all.filter(({ header }) => header.serviceId === id).map(({ header }) => header.action);
  await heard.first(() => said().length >= count, { what: `announcement ${count} of ${id}` });
  return said();
}

// --- starting and stopping -------------------------------------------------------------------------------------------

test("a start is over when every task runs, and a stop when every process is gone", async () => {
  await using context = await runContext([
    { id: "ts_1", instance: "Steady" },
    { id: "ts_2", instance: "Steady" },
  ]);

  const running = await context.start("T1");
  const livingThen = await living(...pidsOf(running));
  const gone = await context.stop("T1");

  expect(statesOf(running)).toEqual(["ts_1 running", "ts_2 running"]);
  expect(new Set(livingThen).size).toBe(2);
  expect(statesOf(gone)).toEqual(["ts_1 stopped", "ts_2 stopped"]);
  expect(await living(...pidsOf(running))).toEqual([]);
});

test("a task is told on its topic what becomes of it, and says so itself", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "Steady" }]);
  await using commands = await listen(context.endpoints, "process");

  await context.start("T1");
  await context.stop("T1");

  expect(commands.heard.all.map(({ header }) => header.action)).toEqual(["start", "stop"]);
  expect(await saidAbout(context, "ts_1", 2)).toEqual(["started", "stopped"]);
});

test.each<[string, number, Omit<TaskXml, "id">]>([
  ["a process", 30, { instance: "Steady" }],
  ["a thread", 5, { instance: "Steady", serviceType: "Thread" }],
  ["a process on demand", 5, { instance: "Steady", entry: "on_update" }],
  [
    "a program",
    5,
    { instance: "Sleep", serviceType: "Executable", command: "sleep", arguments: ["1000"], readyAfterS: 0 },
  ],
])("a client that starts a task on hearing that it has stopped finds it gone: %s", async (_, rounds, kind) => {
  await using context = await runContext([
    { id: "ts_1", ...kind },
    { id: "ts_2", instance: "Steady" },
  ]);
  const { publish, subscribe } = context.endpoints;

  const script = fileURLToPath(new URL("../fixtures/programs/starts-on-stopped.py", import.meta.url));
  const words = [script, publish, subscribe, "T1", "ts_1", `${rounds}`];
  const { stdout } = await promisify(execFile)("python3", words, { timeout: BOUND_MS });

  expect(stdout).toBe(`started ${rounds} times\n`);
});

test("a start that comes while a task leaves is queued behind its end, and a stop after it cancels it", async () => {
  // Leaves when it is let go, and not before.
  const source = 'trap "" TERM; until mv go gone; do sleep 0.02; done';
  await using context = await runContext([
    {
      id: "ts_1",
      instance: "Deaf",
      serviceType: "Executable",
      command: "sh",
      arguments: ["-c", source],
      readyAfterS: 0,
    },
    { id: "ts_2", instance: "Steady" },
  ]);
  const configuration = { TaskService: [{ id: "ts_1" }] };
  const order = (action: "start" | "stop") => context.client.command({ action, transaction: "T1", configuration });
  await context.start("T1");

  const stopping = await order("stop");
  const starting = await order("start");
  await context.folder.write("go", "");
  const [second] = await starting.settled(BOUND_MS);
  const [outdone] = await stopping.settled(BOUND_MS);
  await order("stop");
  await order("start");
  const last = await order("stop");
  await context.folder.write("go", "");
  const [gone] = await last.settled(BOUND_MS);

  expect(second).toMatchObject({ lifecycle: "running", runs: 2 });
  expect(outdone).toMatchObject({ outcome: "superseded" });
  expect(gone).toMatchObject({ lifecycle: "stopped", runs: 2 });
  expect(await saidAbout(context, "ts_1", 4)).toEqual(["started", "stopped", "started", "stopped"]);
});

test("what a task throws is announced once its process is gone", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "FailsWhenRun" }]);
  context.provider.start("T1");

  const failed = await context.heard.first(({ header }) => header.action === "failed");

  const { status } = failed as ControlMessage;
  expect(status).toMatchObject({ result: "failure", reason: "the pump is dry" });
  expect(await isLiving(status.pid as number)).toBe(false);
  expect(await saidAbout(context, "ts_1", 2)).toEqual(["started", "failed"]);
});

test("only the tasks that a stop names are stopped", async () => {
  await using context = await runContext([
    { id: "ts_1", instance: "Steady" },
    { id: "ts_2", instance: "Steady" },
  ]);
  const [first = 0, second = 0] = pidsOf(await context.start("T1"));

  await context.stop("T1", "ts_1");

  expect(await living(first, second)).toEqual([second]);
  expect(statesOf(await context.client.state("T1"))).toEqual(["ts_1 stopped", "ts_2 running"]);
});

test("a restart ends the process of a task before it starts the next", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "Steady" }]);
  const [before = 0] = pidsOf(await context.start("T1"));

  const restarting = await context.client.command({ action: "restart", transaction: "T1" });
  const [after] = await restarting.settled(BOUND_MS);

  expect(after).toMatchObject({ lifecycle: "running", runs: 2 });
  expect(await living(before, after?.pid as number)).toEqual([after?.pid]);
  expect(await saidAbout(context, "ts_1", 3)).toEqual(["started", "stopped", "started"]);
});

test("a task that runs is not started a second time", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "Steady" }]);
  await context.start("T1");

  const second = context.client.command({ action: "start", transaction: "T1" });

  await expect(second).rejects.toMatchObject({ code: "ERR_TASK_ALIVE", message: expect.stringContaining("ts_1") });
});

test("what a task has started is ended with it, though it ignores SIGTERM", async () => {
  const supervision = { grace_s: 0.5 };
  await using context = await runContext([{ id: "ts_1", instance: "LeavesAChild" }], { supervision });
  const running = await context.start("T1");
  const { status } = await context.untilSaid("ts_1", "updated");
  const child = Number(status.child);
  const livingThen = await living(child);

  const gone = untilGone(...pidsOf(running), child);
  await context.stop("T1");
  await gone;

  expect(livingThen).toEqual([child]);
  expect((await context.untilState("T1", "ts_1", "stopped")).lifecycle).toBe("stopped");
});

test("a task that hears no request to stop is killed after its grace", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "NeverReturns" }], { supervision: { grace_s: 0.1 } });
  const running = await context.start("T1");

  const gone = await context.stop("T1");

  expect(statesOf(gone)).toEqual(["ts_1 stopped"]);
  expect(await living(...pidsOf(running))).toEqual([]);
});

test("a task that is stopped while its code compiles never gets a process", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "Compiles" }]);
  // Nobody reads past the end of a pipe that has no writer yet: the compiler waits.
  const source = context.folder.at("services/Compiles/ServiceCompiles.ts");
  await mkdir(context.folder.at("services/Compiles"), { recursive: true });
  execFileSync("mkfifo", [source]);

  await context.client.command({ action: "start", transaction: "T1" });
  await context.untilState("T1", "ts_1", "starting");
  const stopping = await context.client.command({ action: "stop", transaction: "T1" });
  const [stopped] = await stopping.settled(BOUND_MS);
  await writeFile(source, "export default { task: { kind: 'single', run() {} } };");

  expect(stopped).toMatchObject({ lifecycle: "stopped", pid: null, runs: 1 });
  expect(await saidAbout(context, "ts_1", 1)).toEqual(["stopped"]);
});

test("a provider can be closed while code compiles that never will", async () => {
  const context = await runContext([{ id: "ts_1", instance: "Compiles" }]);
  await mkdir(context.folder.at("services/Compiles"), { recursive: true });
  execFileSync("mkfifo", [context.folder.at("services/Compiles/ServiceCompiles.ts")]);
  await context.client.command({ action: "start", transaction: "T1" });
  await context.untilState("T1", "ts_1", "starting");

  await expect(context.provider.close()).resolves.toBeUndefined();

  await context[Symbol.asyncDispose]();
});

test("a provider that closes leaves no process, whatever its tasks are about", async () => {
  const context = await runContext(
    [
      { id: "ts_1", instance: "Steady" },
      { id: "ts_2", instance: "NeverReturns" },
      { id: "ts_3", instance: "EndsAtOnce" },
      { id: "ts_4", instance: "ExitsWithCodeThree" },
      { id: "ts_5", instance: "Nowhere" },
      { id: "ts_6", instance: "Steady", entry: "on_exit" },
    ],
    { supervision: { grace_s: 0.1 } },
  );
  await context.start("T1");

  await context.provider.close();

  expect(await started()).toEqual([]);
  expect(context.provider.living()).toEqual([]);
  await context[Symbol.asyncDispose]();
});

test("a provider can be closed before its tasks have started", async () => {
  const context = await runContext([
    { id: "ts_1", instance: "Steady" },
    { id: "ts_2", instance: "EndsAtOnce" },
  ]);

  context.provider.start("T1");
  await context.provider.close();

  expect(await started()).toEqual([]);
  await context[Symbol.asyncDispose]();
});

test("a provider is asked to leave by a command, and says its last word on the bus", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "Steady" }]);
  const [pid = 0] = pidsOf(await context.start("T1"));

  await context.client.command({ action: "exit", transaction: "T1" });
  await context.provider.asked;
  await context.provider.close();

  expect(await living(pid)).toEqual([]);
  expect(context.heard.all.at(-1)?.header).toMatchObject({ serviceName: "context", action: "exited" });
});

// --- how a task ends -------------------------------------------------------------------------------------------------

test("a task whose process is killed has failed by that signal, and on_fail fires once", async () => {
  await using context = await runContext([
    { id: "ts_1", instance: "Steady", triggers: { on_fail: "start ts_2", on_exit: "start ts_3" } },
    { id: "ts_2", instance: "Steady", entry: "on_fail" },
    { id: "ts_3", instance: "Steady", entry: "on_exit" },
  ]);
  const [killed] = await context.start("T1");

  process.kill(killed?.pid as number, "SIGKILL");
  const failed = await context.untilState("T1", "ts_1", "failed");
  await context.untilState("T1", "ts_2", "running");
  await context.stop("T1");

  expect(failed.reason).toContain("SIGKILL");
  expect(await saidAbout(context, "ts_1", 2)).toEqual(["started", "failed"]);
  expect([firings(context, "ts_1", "on_fail"), firings(context, "ts_1", "on_exit")]).toEqual([1, 0]);
});

test("a task that ends its process with code 3 has failed by that code", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "ExitsWithCodeThree" }]);

  context.provider.start("T1");
  const failed = await context.untilState("T1", "ts_1", "failed");

  expect(failed.reason).toMatch(/code 3$/);
});

test("a task that throws has failed with its message, and on_fail fires once", async () => {
  await using context = await runContext([
    { id: "ts_1", instance: "FailsWhenRun", triggers: { on_fail: "start ts_2" } },
    { id: "ts_2", instance: "Steady", entry: "on_fail" },
  ]);

  context.provider.start("T1");
  const failed = await context.untilState("T1", "ts_1", "failed");
  await context.untilState("T1", "ts_2", "running");
  await context.stop("T1");

  expect(failed.reason).toBe("the pump is dry");
  expect(firings(context, "ts_1", "on_fail")).toBe(1);
});

test("a task whose code is missing has failed, and says where it was looked for", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "Nowhere" }]);

  context.provider.start("T1");
  const failed = await context.untilState("T1", "ts_1", "failed");

  expect(failed).toMatchObject({ pid: null, reason: expect.stringContaining(SERVICES) });
  expect(await saidAbout(context, "ts_1", 1)).toEqual(["failed"]);
});

test("a single task that returns has exited, and on_exit fires once", async () => {
  await using context = await runContext([
    { id: "ts_1", instance: "EndsAtOnce", triggers: { on_fail: "start ts_3", on_exit: "start ts_2" } },
    { id: "ts_2", instance: "Steady", entry: "on_exit" },
    { id: "ts_3", instance: "Steady", entry: "on_fail" },
  ]);

  context.provider.start("T1");
  await context.untilState("T1", "ts_1", "exited");
  await context.untilState("T1", "ts_2", "running");
  await context.stop("T1");

  expect(await saidAbout(context, "ts_1", 2)).toEqual(["started", "stopped"]);
  expect([firings(context, "ts_1", "on_exit"), firings(context, "ts_1", "on_fail")]).toEqual([1, 0]);
});

// --- what a task is given, and what it prints ------------------------------------------------------------------------

test("a task gets its configuration as the file has it, its hosts as a list, and its own names", async () => {
  const configuration = `<device_action>echo</device_action>
    <hosts>a.local</hosts>
    <publisher><endpoint>tcp://127.0.0.1:1</endpoint><frequency_s>2.0</frequency_s></publisher>
    <point x="1" y="2"/><empty/><text>  ü &lt;&amp;&gt; @@@ </text>
    <word>one</word><word>two</word>`;
  await using context = await runContext([{ id: "ts_1", instance: "EchoesItsStartData", configuration }]);

  context.provider.start("T1");
  const { status } = await context.untilSaid("ts_1", "updated");

  expect(status).toEqual({
    result: "success",
    device_action: "echo",
    transaction: "T1",
    serviceId: "ts_1",
    serviceName: "service_ts_1",
    contextId: "context001",
    configuration: {
      device_action: "echo",
      hosts: ["a.local"],
      publisher: { endpoint: "tcp://127.0.0.1:1", frequency_s: "2.0" },
      point: { x: "1", y: "2" },
      empty: "",
      text: "ü <&> @@@",
      word: ["one", "two"],
    },
  });
});

test("what a task prints comes line by line, whole, under its id", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "PrintsInPieces" }]);

  const [task] = await context.start("T1");
  await context.untilSaid("ts_1", "updated");
  process.kill(task?.pid as number, "SIGUSR2");
  await context.untilState("T1", "ts_1", "exited");

  // A line longer than 64 KiB comes in pieces of that size.
  expect(outputOf(context, "ts_1", "stdout")).toEqual([
    "a line in two pieces",
    "",
    "überflüssig",
    "x".repeat(65_536),
    "y".repeat(1_000),
    "no end",
  ]);
  expect(outputOf(context, "ts_1", "stderr")).toEqual(["beside it"]);
});

test("what a process prints in its last moment is not lost, and comes before its end", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "PrintsAndExits" }]);

  context.provider.start("T1");
  await context.untilState("T1", "ts_1", "failed");

  expect(outputOf(context, "ts_1", "stdout")).toEqual(["x".repeat(60_000)]);
  expect(outputOf(context, "ts_1", "stderr")).toEqual(["the last word"]);
  const phrases = context.log.all.map(({ phrase }) => phrase);
  expect(phrases.lastIndexOf("output")).toBeLessThan(phrases.indexOf("failed"));
});

// --- threads ---------------------------------------------------------------------------------------------------------

test("threads of a transaction share one process and end singly, and it ends with the last", async () => {
  await using context = await runContext([
    { id: "ts_1", instance: "Steady", serviceType: "Thread" },
    { id: "ts_2", instance: "Steady", serviceType: "Thread" },
  ]);
  const running = await context.start("T1");
  const [pid = 0, same] = pidsOf(running);

  await context.stop("T1", "ts_1");
  const withOne = [statesOf(await context.client.state("T1")), await living(pid)];
  const gone = untilGone(pid);
  await context.stop("T1", "ts_2");
  await gone;

  expect(same).toBe(pid);
  expect(withOne).toEqual([["ts_1 stopped", "ts_2 running"], [pid]]);
});

test("a thread that throws fails alone", async () => {
  await using context = await runContext([
    { id: "ts_1", instance: "Steady", serviceType: "Thread" },
    { id: "ts_2", instance: "FailsWhenRun", serviceType: "Thread" },
  ]);

  context.provider.start("T1");
  const failed = await context.untilState("T1", "ts_2", "failed");
  const running = await context.untilState("T1", "ts_1", "running");

  expect(failed.reason).toBe("the pump is dry");
  expect(await living(running.pid as number)).toEqual([running.pid]);
  expect(statesOf(await context.client.state("T1"))).toEqual(["ts_1 running", "ts_2 failed"]);
});

test("the crash of their process fails every thread in it, each once", async () => {
  await using context = await runContext([
    { id: "ts_1", instance: "Steady", serviceType: "Thread", triggers: { on_fail: "start ts_3" } },
    { id: "ts_2", instance: "Steady", serviceType: "Thread", triggers: { on_fail: "start ts_3" } },
    { id: "ts_3", instance: "Steady", entry: "on_fail" },
  ]);
  const [thread] = await context.start("T1");

  process.kill(thread?.pid as number, "SIGABRT");
  const failed = [await context.untilState("T1", "ts_1", "failed"), await context.untilState("T1", "ts_2", "failed")];
  await context.untilState("T1", "ts_3", "running");
  await context.stop("T1");

  expect(failed.map(({ reason }) => reason)).toEqual(Array(2).fill(expect.stringContaining("SIGABRT")));
  expect([firings(context, "ts_1", "on_fail"), firings(context, "ts_2", "on_fail")]).toEqual([1, 1]);
});

// --- when the bus fails ----------------------------------------------------------------------------------------------

test("what a task announces while the forwarder is dead is acted on, exactly once", async () => {
  await using context = await runContext([
    { id: "ts_1", instance: "Steady", triggers: { on_update: "start ts_2" } },
    { id: "ts_2", instance: "Steady", entry: "on_update" },
  ]);
  const [task] = await context.start("T1");
  const { forwarderPid, pid } = context.provider;

  process.kill(forwarderPid, "SIGKILL");
  await context.log.first(({ phrase }) => phrase === "forwarder lost");
  process.kill(task?.pid as number, "SIGUSR2");
  await context.log.first(({ phrase, task: id }) => phrase === "running" && id === "ts_2");
  await context.log.first(({ phrase }) => phrase === "forwarder back");
  await context.provider.close();

  expect(context.provider.forwarderPid).not.toBe(forwarderPid);
  expect(context.provider.pid).toBe(pid);
  expect(firings(context, "ts_1", "on_update")).toBe(1);
});

test("a provider answers again once a killed forwarder is back, and its tasks are the same", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "Steady" }]);
  const running = await context.start("T1");

  process.kill(context.provider.forwarderPid, "SIGKILL");
  await context.log.first(({ phrase }) => phrase === "forwarder back");
  await untilAnswered(context);
  await using client = await connectContext(context.endpoints, PATIENT);
  const after = await client.state("T1");

  expect(pidsOf(after)).toEqual(pidsOf(running));
  expect(statesOf(after)).toEqual(["ts_1 running"]);
});

/** Asks again and again, a round trip apart: peers need a moment to come back, and what is said before is lost. */
async function untilAnswered({ endpoints }: RunningContext): Promise<void> {
  let isAnswered = false;
  const header = { action: "request", serviceId: "", serviceName: "state", transaction: "T1" };
  const asking = writeMessage({ kind: "state", header, content: {} });
  const link = await connectLink(endpoints, {
    topics: ["state"],
    onFrame(frame) {
      isAnswered ||= readMessage(frame).header.action === "reply_context";
    },
  });
  while (!isAnswered) await link.publishThrough(asking, 1_000);
  await link.close();
}

// --- transactions ----------------------------------------------------------------------------------------------------

test("two transactions run side by side, and one stops without the other", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "Steady" }]);
  const [first = 0] = pidsOf(await context.start("T1"));
  const [second = 0] = pidsOf(await context.start("T2"));
  const both = await living(first, second);

  await context.stop("T1");

  expect(both).toEqual([first, second]);
  expect(await living(first, second)).toEqual([second]);
  expect(statesOf(await context.client.state("T2"))).toEqual(["ts_1 running"]);
});

test("a transaction that is over is shown as it ended until another begins, and known as ended after that", async () => {
  await using context = await runContext([
    { id: "ts_1", instance: "EndsAtOnce" },
    { id: "ts_2", instance: "FailsWhenRun" },
  ]);

  const done = context.provider.untilDone("T2");
  context.provider.start("T2");
  const outcome = await done;
  const ended = await context.heard.first(({ header }) => header.action === "ended");

  expect(outcome.tasks.map(({ id, state }) => `${id} ${state}`)).toEqual(["ts_1 exited", "ts_2 failed"]);
  expect(ended.header).toMatchObject({ transaction: "T2", serviceName: "context" });
  expect(statesOf(await context.client.state("T2"))).toEqual(["ts_1 exited", "ts_2 failed"]);
  context.provider.start("T3");
  await expect(context.client.state("T2")).rejects.toMatchObject({
    code: "ERR_TRANSACTION_UNKNOWN",
    message: expect.stringContaining("has ended: ts_1 exited, ts_2 failed"),
  });
});

test("tasks that start each other without end are slowed, and that is said once", async () => {
  // Without code each run is over at once, so that the burst is short on any machine.
  await using context = await runContext([
    { id: "ts_1", instance: "Nowhere", triggers: { on_fail: "start ts_2" } },
    { id: "ts_2", instance: "Nowhere", entry: "on_fail", triggers: { on_fail: "start ts_1" } },
  ]);

  context.provider.start("T1");
  const slowed = await context.untilState("T1", "ts_2", "backingOff");
  await context.stop("T1");

  const throttled = context.heard.all.filter(({ header }) => header.action === "throttled");
  expect(throttled).toMatchObject([{ header: { transaction: "T1" }, status: { task: "ts_2", result: "failure" } }]);
  expect(slowed.runs).toBe(20);
});

// --- when the provider fails -----------------------------------------------------------------------------------------

test("a provider that is killed takes every process of its tasks with it", async () => {
  await using folder = await makeFolder();
  const file = await folder.write(
    "Context-Killed.xml",
    contextXml([
      { id: "ts_1", instance: "Steady" },
      { id: "ts_2", instance: "NeverReturns" },
      { id: "ts_3", instance: "LeavesAChild" },
      { id: "ts_4", instance: "Steady", serviceType: "Thread" },
    ]),
  );
  await using provider = await startScript("runs-a-provider.mjs", file, SERVICES);
  const { endpoints, forwarderPid } = JSON.parse(provider.firstLine) as { endpoints: Endpoints; forwarderPid: number };
  await using ear = await listen(endpoints, "control");
  await using client = await connectContext(endpoints, PATIENT);
  const progress = await client.command({ action: "start", transaction: "T1" });
  const records = await progress.settled(BOUND_MS);
  await ear.heard.first(({ header }) => header.action === "updated");
  const before = (await started()).map(({ pid }) => pid);

  await provider.kill();
  await untilGone(...before);

  // The provider, its forwarder, four tasks (one of them a thread of its own process), and what one of them has started.
  expect(before).toEqual(expect.arrayContaining([provider.pid, forwarderPid, ...pidsOf(records)]));
  expect(before).toHaveLength(7);
});

test("a thread that hears no request to stop is ended after its grace, its siblings are not", async () => {
  await using context = await runContext(
    [
      { id: "ts_1", instance: "NeverReturns", serviceType: "Thread" },
      { id: "ts_2", instance: "Steady", serviceType: "Thread" },
    ],
    { supervision: { grace_s: 0.1 } },
  );
  const [pid = 0] = pidsOf(await context.start("T1"));

  await context.stop("T1", "ts_1");

  expect(await isLiving(pid)).toBe(true);
  expect(statesOf(await context.client.state("T1"))).toEqual(["ts_1 stopped", "ts_2 running"]);
});

test("the last thread has stopped when its process is gone", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "Steady", serviceType: "Thread" }]);
  const [pid = 0] = pidsOf(await context.start("T1"));

  await context.stop("T1");

  expect(await isLiving(pid)).toBe(false);
});

test.each(["Process", "Thread"] as const)(
  "a task that announces without pause, as a %s, keeps nobody from being heard, and stops",
  async (serviceType) => {
    await using context = await runContext([{ id: "ts_1", instance: "AnnouncesWithoutPause", serviceType }]);
    await using link = await listen(context.endpoints, "control");
    const [pid = 0] = pidsOf(await context.start("T1"));
    await link.heard.first(({ header }) => header.action === "updated" && (header.sequence ?? 0) > 2_000);

    expect(statesOf(await context.client.state("T1"))).toEqual(["ts_1 running"]);
    await context.stop("T1");

    expect(await isLiving(pid)).toBe(false);
  },
);
