// What the file says of a task's surroundings, and what it lets run beside the task: user, env files, probes of its life, a
// command that stops it.
import { expect, test } from "vitest";
import { finish, startCommand } from "../support/command.ts";
import { type Attributes, contextXml, runContext, shell, type TaskXml } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

const isRoot = process.geteuid?.() === 0;
const QUICK: Attributes = { live_interval_s: 0.1, live_probe_timeout_s: 60, live_failures: 2 };

/** A task that runs for ever, unless it is stopped. */
function lives(id: string, supervision: Attributes, but: Partial<TaskXml> = {}): TaskXml {
  return { ...shell(id, "exec sleep 1000000"), readyAfterS: 0, supervision, ...but };
}

test("a task that its liveness probe finds dead is ended, and its policy counts", async () => {
  await using context = await runContext([
    lives("ts_1", { ...QUICK, live_exec: "sh -c 'echo no answer; exit 3'" }),
    lives("ts_2", { ...QUICK, live_exec: "sleep 1000", live_probe_timeout_s: 0.1 }),
    lives("ts_3", { ...QUICK, live_exec: "no-such-program", live_failures: 1 }),
    lives("ts_4", { ...QUICK, live_exec: "true", live_failures: 1 }),
  ]);

  context.provider.start("T1");
  const dead = await context.untilState("T1", "ts_1", "failed");
  const hung = await context.untilState("T1", "ts_2", "failed");
  await context.log.first(({ phrase, task }) => phrase === "faulty probe" && task === "ts_3");
  const records = await context.client.state("T1");
  await context.stop("T1");

  expect(dead.reason).toBe(
    "not alive: live_exec \"sh -c 'echo no answer; exit 3'\": exit code 3: no answer (2 times in a row)",
  );
  expect(hung.reason).toBe('not alive: live_exec "sleep 1000": no answer within 0.1 s (2 times in a row)');
  expect(records.map(({ lifecycle }) => lifecycle).slice(2)).toEqual(["running", "running"]);
});

test("a command stops a task, and the stop signal follows where it does not", async () => {
  const listens = "trap 'exit 0' USR1; trap '' TERM; echo $$ > ts_1.pid; echo up; while :; do sleep 0.05; done";
  await using context = await runContext([
    {
      ...shell("ts_1", listens),
      readyAfterS: 86_400,
      supervision: { ready_log: "up", stop_exec: "sh -c 'kill -USR1 $(cat ts_1.pid)'" },
    },
    lives("ts_2", { stop_exec: "sh -c 'echo no key; exit 4'" }),
    lives("ts_3", { stop_exec: "sleep 1000", stop_exec_timeout_s: 0.1 }),
    lives("ts_4", { stop_exec: "no-such-program" }),
  ]);

  await context.start("T1");
  await context.stop("T1");

  const endOf = (id: string) => context.log.all.findLast(({ task, phrase }) => task === id && phrase === "stopped");
  const faults = context.log.all.filter(({ phrase }) => phrase === "stop command failed");
  expect(["ts_1", "ts_2", "ts_3", "ts_4"].map((id) => endOf(id)?.escalated)).toEqual(Array(4).fill(undefined));
  expect(Object.fromEntries(faults.map(({ task, reason }) => [task, reason]))).toEqual({
    ts_2: "stop_exec \"sh -c 'echo no key; exit 4'\": exit code 4: no key; the stop signal follows",
    ts_3: "stop_exec has not ended within 0.1 s; the stop signal follows",
    ts_4: 'stop_exec "no-such-program": no program "no-such-program" on the provider\'s PATH; the stop signal follows',
  });
});

test("instances are tasks of their own that one id stands for", async () => {
  await using context = await runContext([
    { ...lives("web", {}), instances: 3, ...shell("web", "echo number $ZCONTEXT_INSTANCE_NUMBER; exec sleep 1000000") },
    { ...lives("job", {}), supervision: { depends_on: "web" } },
  ]);

  const started = await context.start("T1");
  const stopped = await context.stop("T1", "web");
  const { orders } = await context.client.command({
    ...{ action: "restart", transaction: "T1" },
    configuration: { TaskService: [{ id: "web" }] },
  });
  await context.stop("T1");

  expect(started.map(({ service_id, lifecycle }) => `${service_id} ${lifecycle}`)).toEqual([
    ...["web.1 running", "web.2 running", "web.3 running"],
    "job running",
  ]);
  const printed = context.log.all.flatMap(({ phrase, task, line }) => (phrase === "output" ? `${task} ${line}` : []));
  expect(printed).toEqual(expect.arrayContaining(["web.1 number 1", "web.2 number 2", "web.3 number 3"]));
  expect(stopped.map(({ lifecycle }) => lifecycle)).toEqual(["stopped", "stopped", "stopped", "running"]);
  expect(Object.fromEntries(orders)).toEqual({ "web.1": "restart", "web.2": "restart", "web.3": "restart" });
});

test.runIf(isRoot)("a task runs as the user that is named, and opens its output by name", async () => {
  await using context = await runContext([
    {
      ...shell(
        "ts_1",
        "id -un; echo $HOME; echo again > /dev/stdout; ulimit -n; grep -c '^Groups:.*[0-9]' /proc/self/status",
      ),
      supervision: { user: "nobody", files_max: 64, nice: -1 },
    },
    lives("ts_2", { user: "no-such-user" }),
    lives("ts_3", { group: "no-such-group" }),
  ]);

  context.provider.start("T1");
  await context.untilState("T1", "ts_1", "exited");
  const [user, group] = [
    await context.untilState("T1", "ts_2", "failed"),
    await context.untilState("T1", "ts_3", "failed"),
  ];

  const printed = context.log.all.flatMap(({ phrase, task, line }) =>
    phrase === "output" && task === "ts_1" ? line : [],
  );
  expect(printed).toEqual(["nobody", "/nonexistent", "again", "64", "1"]);
  expect([user.reason, group.reason]).toEqual([
    "user no-such-user: there is no such user on this machine",
    "group no-such-group: there is no such group on this machine",
  ]);
});

test("an env file may lie in a folder that the file names, and nowhere else", async () => {
  await using outside = await makeFolder({ "shop.env": "PLACE=outside", "other/x.env": "PLACE=other" });
  const prints = shell("ts_1", "echo place $PLACE");
  await using context = await runContext([
    { ...prints, supervision: { env_file: outside.at("other/x.env"), env_roots: outside.at("other") } },
    { ...lives("ts_2", { env_file: outside.at("shop.env"), env_roots: outside.at("other") }) },
  ]);

  context.provider.start("T1");
  await context.untilState("T1", "ts_1", "exited");
  const { reason } = await context.untilState("T1", "ts_2", "failed");

  expect(context.log.all.flatMap(({ phrase, line }) => (phrase === "output" ? line : []))).toEqual(["place other"]);
  expect(reason).toBe(
    `env_file ${outside.at("shop.env")} leads out of the folder of the context file, and of its env_roots ${outside.at("other")}`,
  );
});

test("--check finds what a task's programs and its user lack", async () => {
  const ghost = lives("ts_1", { user: "no-such-user" });
  const probed = lives("ts_2", { live_exec: "no-such-probe" });
  const stopped = lives("ts_3", { stop_exec: "./no-such-stop" }, { instances: 2 });
  await using folder = await makeFolder({ "Context-Test.xml": contextXml([ghost, probed, stopped]) });

  const { code, stderr } = await finish(startCommand("service-context", [folder.at("Context-Test.xml"), "--check"]));

  expect(code).toBe(1);
  expect(stderr.map((line) => line.replace(/^.*?xml:\d+:\d+: /, ""))).toEqual([
    expect.stringContaining("3 task services of 4 can't be started"),
    "ts_1: user no-such-user: there is no such user on this machine",
    'ts_2: live_exec: no program "no-such-probe" on the provider\'s PATH',
    `ts_3.1: stop_exec: no program ${folder.at("no-such-stop")}`,
  ]);
});
