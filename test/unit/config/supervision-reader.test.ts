import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ContextConfig,
  DEFAULT_SUPERVISION,
  parseContextConfig,
  type Supervision,
} from "../../../src/config/context-config.ts";
import { entersAtOnce } from "../../../src/config/meaning.ts";
import { CONTEXT_ATTRIBUTES, SHARED_ATTRIBUTES, TASK_ATTRIBUTES } from "../../../src/config/supervision-reader.ts";
import { blocksOf, readDocument, rowsOf } from "../../support/readme.ts";
import { detailsOf, goodBut, supervisedBy } from "./context-xml.ts";

/** What is read for the first task, which has these attributes. */
function readWith(attributes: string): Supervision | undefined {
  return parseContextConfig(supervisedBy({ first: `<Supervision ${attributes}/>` })).tasks[0]?.supervision;
}

function problemsOf(parts: Record<string, string>): unknown {
  return detailsOf(() => parseContextConfig(supervisedBy(parts), { file: "c.xml" }));
}

/** Problems of the first task's element, without place and owner. */
function faultsOf(attributes: string, inside = ""): string[] {
  const problems = problemsOf({ first: `<Supervision ${attributes}>${inside}</Supervision>` });
  if (!Array.isArray(problems)) return [];
  return problems.map((line: string) => line.replace(/^c\.xml:8:\d+: TaskService ts001, /, ""));
}

describe("a supervision", () => {
  test("is the default where a file says nothing of it, for its tasks and for those that are not in it", () => {
    const { strategy, supervision, tasks } = parseContextConfig(supervisedBy({}));

    expect(strategy).toBe("one_for_one");
    expect(supervision).toEqual(DEFAULT_SUPERVISION);
    expect(tasks.map((task) => task.supervision)).toEqual([DEFAULT_SUPERVISION, DEFAULT_SUPERVISION]);
  });

  test("may say all there is, on any side of the task", () => {
    const element = `<Supervision restart="on-failure" max_restarts="3" period_s="10.5" backoff_min_s="0.01"
      backoff_max_s="3600" on_limit="keep-trying" success_codes="0, 3" no_restart_codes="64 78" ready_timeout_s="0.1"
      heartbeat_s="0.25" heartbeat_timeout_s="86400" grace_s="0" stop_signal="SIGINT" essential="true"
      rolling="true" min_healthy_s="0.5" depends_on="ts001" nice="-20" memory_max_mib="0.5" files_max="16" working_folder="/var/lib/my folder"
      stdin="open" env_file=".env, conf/more of it.env, /etc/shop/env"
      env_roots="/etc/shop, ../secrets" user="shop" group="33" stop_exec="./stop 'now then'" stop_exec_timeout_s="2.5"
      live_http="http://[::1]/up" live_failures="7" ready_tcp="localhost:80" ready_interval_s="0.5" ready_probe_timeout_s="2">
      <environment name="GREETING"> it's
 me </environment><environment name="EMPTY"/>
    </Supervision>`;
    const read = (text: string) => parseContextConfig(text).tasks[1]?.supervision;

    expect(read(supervisedBy({ second: element }))).toEqual({
      restart: "on-failure",
      maxRestarts: 3,
      periodMs: 10_500,
      backoffMinMs: 10,
      backoffMaxMs: 3_600_000,
      onLimit: "keep-trying",
      successCodes: [0, 3],
      noRestartCodes: [64, 78],
      readyTimeoutMs: 100,
      probe: { kind: "tcp", host: "localhost", port: 80, intervalMs: 500, timeoutMs: 2_000 },
      heartbeatMs: 250,
      heartbeatTimeoutMs: 86_400_000,
      graceMs: 0,
      stdin: "open",
      stopSignal: "SIGINT",
      rolling: true,
      minHealthyMs: 500,
      essential: true,
      dependsOn: ["ts001"],
      nice: -20,
      memoryMaxMib: 0.5,
      filesMax: 16,
      workingFolder: "/var/lib/my folder",
      envFiles: [".env", "conf/more of it.env", "/etc/shop/env"],
      envRoots: ["/etc/shop", "../secrets"],
      user: "shop",
      group: "33",
      stopCommand: { program: "./stop", words: ["now then"] },
      stopCommandMs: 2_500,
      liveness: { kind: "http", url: "http://[::1]/up", intervalMs: 10_000, timeoutMs: 5_000, failures: 7 },
      environment: { GREETING: " it's\n me ", EMPTY: "" },
    });
    expect(
      read(goodBut(`<state type="on_demand"/>\n    </Task>`, `<state type="on_demand"/></Task>${element}`)),
    ).toEqual(read(supervisedBy({ second: element })));
  });

  test("has no heartbeat where it is 0, whatever the timeout", () => {
    expect(readWith(`heartbeat_s="0.0" heartbeat_timeout_s="0.1"`)).toMatchObject({
      heartbeatMs: 0,
      heartbeatTimeoutMs: 100,
    });
  });

  test("takes back a list with an empty one", () => {
    const context = `<Supervision no_restart_codes="1" success_codes="0,2" env_file="a"/>`;
    const first = `<Supervision no_restart_codes="" success_codes=" , " env_file=""/>`;

    expect(parseContextConfig(supervisedBy({ context, first })).tasks[0]?.supervision).toEqual({
      ...DEFAULT_SUPERVISION,
      successCodes: [],
    });
  });

  test("reads codes as they were listed, each once", () => {
    const separator = fc.stringMatching(/^[ \t\r\n]*[ ,\t\r\n][ \t\r\n]*$/);

    fc.assert(
      fc.property(fc.array(fc.nat(255)), separator, (codes, between) => {
        const escaped = between.replace(/\s/g, (space) => `&#${space.charCodeAt(0)};`);

        expect(readWith(`success_codes="${codes.join(escaped)}"`)?.successCodes).toEqual([...new Set(codes)]);
      }),
    );
  });

  test("reads seconds as milliseconds, exact to one", () => {
    fc.assert(
      fc.property(fc.nat(3_600_000), (milliseconds) => {
        expect(readWith(`grace_s="${milliseconds / 1_000}"`)?.graceMs).toBe(milliseconds);
      }),
    );
  });
});

describe("a schedule", () => {
  test.each<[string, object]>([
    [`schedule=" 0 3 * * * "`, { cron: "0 3 * * *", catchUp: false }],
    [
      `schedule="*/10 * * * * *" schedule_zone="Europe/Berlin" catch_up="true"`,
      { cron: "*/10 * * * * *", zone: "Europe/Berlin", catchUp: true },
    ],
    [`schedule="@daily"`, { cron: "@daily", catchUp: false }],
    [`schedule="0 9 * * MON-FRI" restart="on-failure"`, { cron: "0 9 * * MON-FRI", catchUp: false }],
  ])("is read from %s", (attributes, schedule) => {
    expect(readWith(attributes)?.schedule).toEqual(schedule);
  });

  test.each<[string, string]>([
    [`schedule=""`, `got "": `],
    [
      `schedule="61 * * * *"`,
      `schedule: expected a cron expression such as "0 3 * * *", got "61 * * * *": invalid value for minute: 61`,
    ],
    [`schedule="0 3 * *"`, "five"],
    [`schedule="0 3 31 2 *"`, "it never comes"],
    [`schedule="0 0 3 * * * 2031"`, "5 or 6 parts"],
    [
      `schedule="@daily" schedule_zone="Mars/Base"`,
      `schedule_zone: expected a time zone such as Europe/Berlin or UTC, got "Mars/Base"`,
    ],
    [`schedule="@daily" catch_up="yes"`, "catch_up: expected one of true, false"],
    [`schedule="@daily" restart="always"`, "schedule: expected restart="],
    [`catch_up="true"`, "catch_up: expected a schedule beside it"],
    [`schedule_zone="UTC"`, "schedule_zone: expected a schedule beside it"],
  ])("%s is refused", (attributes, fault) => {
    expect(faultsOf(attributes)).toEqual([expect.stringContaining(fault)]);
  });

  test("keeps a task from running when its context starts", () => {
    const tasksOf = (first: string) => parseContextConfig(supervisedBy({ first })).tasks.slice(0, 1);

    expect(tasksOf("").map(entersAtOnce)).toEqual([true]);
    expect(tasksOf(`<Supervision schedule="@daily"/>`).map(entersAtOnce)).toEqual([false]);
  });
});

describe("the readiness of a task is asked", () => {
  const pace = { intervalMs: 1_000, timeoutMs: 5_000 };

  test.each<[of: string, attribute: string, probe: object]>([
    [
      "of a command",
      `ready_exec="sh -c 'test -e &quot;a b&quot;'"`,
      { kind: "exec", program: "sh", words: ["-c", `test -e "a b"`] },
    ],
    ["of a command without arguments", `ready_exec="./ready"`, { kind: "exec", program: "./ready", words: [] }],
    ["of a port elsewhere", `ready_tcp="db.example:5432"`, { kind: "tcp", host: "db.example", port: 5432 }],
    ["of a port here", `ready_tcp="65535"`, { kind: "tcp", host: "127.0.0.1", port: 65535 }],
    ["of a port of an IPv6 address", `ready_tcp="[::1]:80"`, { kind: "tcp", host: "::1", port: 80 }],
    ["of a server", `ready_http="http://[::1]:8080/a?b=c"`, { kind: "http", url: "http://[::1]:8080/a?b=c" }],
    ["of a server that encrypts", `ready_http="HTTPS://localhost"`, { kind: "http", url: "HTTPS://localhost" }],
    ["of what it prints", `ready_log="listening on (\\d+)$"`, { kind: "log", pattern: "listening on (\\d+)$" }],
  ])("%s", (_, attribute, probe) => {
    expect(readWith(attribute)?.probe).toEqual({ ...probe, ...pace });
  });

  test("at the pace of the Context, or its own", () => {
    const context = `<Supervision ready_interval_s="2" ready_probe_timeout_s="3"/>`;
    const first = `<Supervision ready_tcp="80"/>`;
    const second = `<Supervision ready_tcp="81" ready_interval_s="0.1"/>`;

    const { supervision, tasks } = parseContextConfig(supervisedBy({ context, first, second }));

    expect(supervision.probe).toBeUndefined();
    expect(tasks.map((task) => task.supervision.probe)).toMatchObject([
      { port: 80, intervalMs: 2_000, timeoutMs: 3_000 },
      { port: 81, intervalMs: 100, timeoutMs: 3_000 },
    ]);
  });
});

describe("what the Context says", () => {
  function read(context: string, first: string): ContextConfig {
    return parseContextConfig(supervisedBy({ context, first }));
  }

  test("holds for its tasks, and for those that are not in the file", () => {
    const { strategy, supervision, tasks } = read(`<Supervision strategy="one_for_all" restart="always"/>`, "");

    expect(strategy).toBe("one_for_all");
    expect([supervision, ...tasks.map((task) => task.supervision)]).toEqual(
      Array(3).fill({ ...DEFAULT_SUPERVISION, restart: "always" }),
    );
  });

  test("gives way to what a task says, attribute by attribute, lists and probes as a whole", () => {
    const context = `<Supervision restart="always" nice="5" files_max="20" success_codes="0 1" ready_tcp="80"/>`;
    const first = `<Supervision nice="0" success_codes="2" ready_log="up"/>`;

    expect(read(context, first).tasks[0]?.supervision).toEqual({
      ...DEFAULT_SUPERVISION,
      restart: "always",
      filesMax: 20,
      successCodes: [2],
      probe: { kind: "log", pattern: "up", intervalMs: 1_000, timeoutMs: 5_000 },
    });
  });

  test("is asked at the pace of a task that says nothing else of a probe", () => {
    const { tasks } = read(`<Supervision ready_tcp="80"/>`, `<Supervision ready_interval_s="9"/>`);

    expect(tasks.map(({ supervision }) => supervision.probe?.intervalMs)).toEqual([9_000, 1_000]);
  });

  test("has its environment added to, name by name", () => {
    const variables = (values: Record<string, string>) =>
      `<Supervision>${Object.entries(values).map(([name, value]) => `<environment name="${name}">${value}</environment>`)}</Supervision>`.replaceAll(
        ",",
        "",
      );

    const { tasks } = read(variables({ A: "1", B: "1", __proto_: "1" }), variables({ B: "2", C: "2" }));

    expect(tasks.map(({ supervision }) => supervision.environment)).toEqual([
      { A: "1", B: "2", __proto_: "1", C: "2" },
      { A: "1", B: "1", __proto_: "1" },
    ]);
  });

  test("may name a variable like a part of every object", () => {
    const [task] = read("", `<Supervision><environment name="__proto__">1</environment></Supervision>`).tasks;

    expect(Object.entries(task?.supervision.environment ?? {})).toEqual([["__proto__", "1"]]);
  });

  test("that the system does not take is a problem of the file", () => {
    const first = (length: number) =>
      `<Supervision><environment name="TABLE">${"x".repeat(length)}</environment></Supervision>`;
    const problemsOf = (length: number) =>
      detailsOf(() => parseContextConfig(supervisedBy({ first: first(length) }), { file: "c.xml" }));

    expect(problemsOf(131_066)).toEqual([
      expect.stringMatching(/TaskService ts001, environment TABLE: expected at most 131071 bytes, got 131072$/),
    ]);
    expect(problemsOf(131_065)).toMatchObject({ contextId: "context001" });
  });
});

describe("a task that shares its process with others", () => {
  const asThread = (xml: string) => xml.replace('serviceType="Process"', 'serviceType="Thread"');

  test("has nothing of what the Context says of a process", () => {
    const context = `<Supervision nice="5" files_max="100" memory_max_mib="9" working_folder="w" env_file="e.env" stdin="open"
      stop_signal="SIGHUP" grace_s="3"><environment name="A">1</environment></Supervision>`;

    const [first] = parseContextConfig(asThread(supervisedBy({ context }))).tasks;

    expect(first?.supervision).toEqual({ ...DEFAULT_SUPERVISION, graceMs: 3_000 });
  });

  test("can be told nothing of it either", () => {
    const first = `<Supervision nice="5" files_max="100"><environment name="A">1</environment></Supervision>`;
    const problems = detailsOf(() => parseContextConfig(asThread(supervisedBy({ first })), { file: "c.xml" }));

    expect(problems).toEqual(
      ["nice", "files_max", "environment"].map((name) =>
        expect.stringMatching(
          new RegExp(`TaskService ts001, ${name}: a task of the serviceType "Thread" shares its process with others`),
        ),
      ),
    );
  });
});

describe("there is a problem with", () => {
  test.each<[what: string, attributes: string, ...faults: string[]]>([
    [
      "a word nearly right",
      `restart="on_failure"`,
      `restart: expected one of never, on-failure, always, got "on_failure"; did you mean "on-failure"?`,
    ],
    [
      "a signal that stops nothing",
      `stop_signal="SIGWINCH"`,
      `stop_signal: expected one of SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGKILL, got "SIGWINCH"`,
    ],
    [
      "a policy at the limit that is none",
      `on_limit="keep_trying"`,
      `on_limit: expected one of fail, keep-trying, got "keep_trying"; did you mean "keep-trying"?`,
    ],
    ["half a restart", `max_restarts="1.5"`, `max_restarts: expected a whole number from 0 to 1000, got "1.5"`],
    ["too many restarts", `max_restarts="1001"`, `max_restarts: expected a whole number from 0 to 1000, got "1001"`],
    [
      "a period that is too short",
      `period_s="0.9"`,
      `period_s: expected a number of seconds from 1 to 86400, got "0.9"`,
    ],
    ["a unit", `grace_s="5s"`, `grace_s: expected a number of seconds from 0 to 3600, got "5s"`],
    ["an exponent", `grace_s="1e3"`, `grace_s: expected a number of seconds from 0 to 3600, got "1e3"`],
    ["nothing for a time", `grace_s=""`, `grace_s: expected a number of seconds from 0 to 3600, got ""`],
    [
      "backoff that is no wait",
      `backoff_min_s="0.001"`,
      `backoff_min_s: expected a number of seconds from 0.01 to 3600, got "0.001"`,
    ],
    [
      "a longest wait below the first one",
      `backoff_min_s="2" backoff_max_s="1.5"`,
      "backoff_max_s: expected at least backoff_min_s, which is 2, got 1.5",
    ],
    [
      "a first wait above the longest one by default",
      `backoff_min_s="31"`,
      "backoff_max_s: expected at least backoff_min_s, which is 31, got 30 by default",
    ],
    [
      "a wait that is none, and nothing more with the other one",
      `backoff_min_s="long" backoff_max_s="0.1"`,
      `backoff_min_s: expected a number of seconds from 0.01 to 3600, got "long"`,
    ],
    [
      "too quick a heartbeat",
      `heartbeat_s="0.05"`,
      `heartbeat_s: expected 0 or a number of seconds from 0.1 to 3600, got "0.05"`,
    ],
    [
      "a heartbeat that is as slow as its timeout",
      `heartbeat_s="5"`,
      "heartbeat_timeout_s: expected more than heartbeat_s, which is 5, got 5 by default",
    ],
    [
      "a timeout that is as quick as the heartbeat",
      `heartbeat_timeout_s="1"`,
      "heartbeat_timeout_s: expected more than heartbeat_s, which is 1 by default, got 1",
    ],
    ["a code above 255", `success_codes="0, 256"`, `success_codes: expected exit codes from 0 to 255, got "0, 256"`],
    ["a code that is none", `no_restart_codes="-1"`, `no_restart_codes: expected exit codes from 0 to 255, got "-1"`],
    ["a yes", `essential="yes"`, `essential: expected one of true, false, got "yes"`],
    ["a priority that is none", `nice="20"`, `nice: expected a whole number from -20 to 19, got "20"`],
    ["no memory", `memory_max_mib="0"`, `memory_max_mib: expected a number above 0, up to 1000000000, got "0"`],
    ["too few files", `files_max="15"`, `files_max: expected a whole number from 16 to 1000000000, got "15"`],
    ["a standard input that is neither", `stdin="closed"`, `stdin: expected one of empty, open, got "closed"`],
    [
      "an argument of a probe that the system does not take",
      `ready_exec="test ${"x".repeat(131_072)}"`,
      "ready_exec: expected at most 131071 bytes, got 131072",
    ],
    ["no working folder", `working_folder=" "`, `working_folder: expected a text, got " "`],
    [
      "an env file that is anywhere",
      `env_file="a,/etc/x"`,
      `env_file: "/etc/x" must lie under the folder of this file, or under one that env_roots names`,
    ],
    [
      "env files that lead out of the folder, or are it",
      `env_file="../a, b/../../c, b/.., b/../c"`,
      `env_file: "../a" must lie under the folder of this file, or under one that env_roots names`,
      `env_file: "b/../../c" must lie under the folder of this file, or under one that env_roots names`,
      `env_file: "b/.." must lie under the folder of this file, or under one that env_roots names`,
    ],
    [
      "two probes",
      `ready_tcp="80" ready_log="up"`,
      "ready_log: expected one probe at most, got ready_tcp and ready_log",
    ],
    [
      "a probe without a command",
      `ready_exec=" "`,
      `ready_exec: expected a program and its arguments, such as test -e ready, got " "`,
    ],
    ["a command that breaks off", `ready_exec="a 'b"`, `ready_exec: expected a closing ', got "'b"`],
    [
      "a port that is none",
      `ready_tcp="a:65536"`,
      `ready_tcp: expected host:port, or a port of 127.0.0.1, got "a:65536"`,
    ],
    ["a host without a port", `ready_tcp="::1"`, `ready_tcp: expected host:port, or a port of 127.0.0.1, got "::1"`],
    [
      "a URL of something else",
      `ready_http="ftp://a"`,
      `ready_http: expected a URL such as http://127.0.0.1:8080/health, got "ftp://a"`,
    ],
    [
      "a URL that is none",
      `ready_http="http://a:port/"`,
      `ready_http: expected a URL such as http://127.0.0.1:8080/health, got "http://a:port/"`,
    ],
    [
      "a pattern that does not compile",
      `ready_log="up("`,
      `ready_log: expected a regular expression, got "up(": missing closing ): up(`,
    ],
    ["a pattern that is empty", `ready_log=""`, `ready_log: expected a regular expression, got ""`],
    [
      "an interval that is none",
      `ready_interval_s="0"`,
      `ready_interval_s: expected a number of seconds from 0.1 to 3600, got "0"`,
    ],
    ["a task that needs itself", `depends_on="ts001"`, `depends_on: expected other tasks, got "ts001" itself`],
    [
      "a task that needs all",
      `depends_on="all,context001"`,
      `depends_on: expected task ids, got "all"`,
      `depends_on: expected task ids, got "context001"`,
    ],
    [
      "a task that needs an unknown one",
      `depends_on="ts002 ts02"`,
      `depends_on: "ts02" is not a TaskService id; have ts001, ts002; did you mean "ts002"?`,
    ],
    [
      "an attribute nearly right",
      `restarts="always"`,
      `Supervision: unknown attribute "restarts"; did you mean "restart"?`,
    ],
    [
      "an attribute of the Context's",
      `strategy="one_for_all"`,
      `Supervision: unknown attribute "strategy"; it belongs to the <Supervision> of the Context`,
    ],
  ])("%s", (_, attributes, ...faults) => {
    expect(faultsOf(attributes)).toEqual(faults);
  });

  test.each<[what: string, inside: string, ...faults: string[]]>([
    [
      "a variable of ours",
      `<environment name="ZCONTEXT_TOPIC">secret</environment>`,
      `environment name: expected a name of letters, digits and _ that begins with no digit, and not with ZCONTEXT_, got "ZCONTEXT_TOPIC"`,
    ],
    [
      "a variable without a name",
      "<environment>secret</environment>",
      "environment name: expected a name of letters, digits and _ that begins with no digit, and not with ZCONTEXT_, got nothing",
    ],
    [
      "a variable that comes twice",
      `<environment name="A">secret</environment><environment name="A"/>`,
      `environment name: expected each once, got "A" again`,
    ],
    [
      "a variable that is said in an attribute",
      `<environment name="A" value="secret"/>`,
      `environment: unknown attribute "value"; known here: name`,
    ],
    [
      "elements in a variable",
      `<environment name="A"><a/></environment>`,
      "environment: expected text, got the element <a>",
    ],
    [
      "an element for an attribute",
      "<restart>always</restart>",
      `Supervision: unknown element <restart>; write it as an attribute, restart="…"`,
    ],
    [
      "an element nearly right",
      "<enviroment/>",
      "Supervision: unknown element <enviroment>; did you mean <environment>?",
    ],
    ["text", "always", `Supervision: expected elements, got the text "always"`],
  ])("%s", (_, inside, ...faults) => {
    expect(faultsOf("", inside)).toEqual(faults);
  });

  test("whatever stands where it can't be read", () => {
    const free = [
      "depends_on",
      "working_folder",
      "env_file",
      "env_roots",
      "ready_exec",
      "live_exec",
      "stop_exec",
      "ready_log",
    ];
    const strict = [...SHARED_ATTRIBUTES, ...TASK_ATTRIBUTES].filter((name) => !free.includes(name));

    expect(strict.filter((name) => faultsOf(`${name}="?"`).length !== 1)).toEqual([]);
  });

  test("the Context's own, which is at its place and not again at each task's", () => {
    const context = `<Supervision\n strategy="one-for-all" backoff_min_s="60" essential="true"\n depends_on="ts001"/>`;

    expect(problemsOf({ context, first: `<Supervision restart="always"/>` })).toEqual([
      `c.xml:7:2: Supervision, strategy: expected one of one_for_one, rest_for_one, one_for_all, got "one-for-all"; did you mean "one_for_all"?`,
      "c.xml:7:25: Supervision, backoff_max_s: expected at least backoff_min_s, which is 60, got 30 by default",
      `c.xml:7:44: Supervision: unknown attribute "essential"; it belongs to the <Supervision> of a TaskService`,
      `c.xml:8:2: Supervision: unknown attribute "depends_on"; it belongs to the <Supervision> of a TaskService`,
    ]);
  });

  test("a task's that does not go with the Context's", () => {
    const parts = { context: `<Supervision heartbeat_timeout_s="2"/>`, first: `\n<Supervision heartbeat_s="3"/>` };

    expect(problemsOf(parts)).toEqual([
      "c.xml:9:14: TaskService ts001, heartbeat_timeout_s: expected more than heartbeat_s, which is 3, got 2 by default",
    ]);
  });

  test("a second one", () => {
    expect(problemsOf({ context: "<Supervision/><Supervision/>", first: "\n<Supervision/><Supervision/>" })).toEqual([
      "c.xml:6:15: Context: expected one <Supervision>, got another",
      "c.xml:9:15: TaskService ts001: expected one <Supervision>, got another",
    ]);
  });
});

describe("tasks that need each other", () => {
  test("are one problem, at the first one's attribute", () => {
    const first = `\n<Supervision depends_on="ts002"/>`;

    expect(problemsOf({ first, second: `<Supervision depends_on="ts001"/>` })).toEqual([
      "c.xml:9:14: TaskService ts001, depends_on: a cycle: ts001 -> ts002 -> ts001",
    ]);
  });

  test("are told in short where they are many", () => {
    const whole = supervisedBy({});
    const task = whole.slice(whole.lastIndexOf("<TaskService"), whole.lastIndexOf("</Context>"));
    const ring = Array.from({ length: 30 }, (_, index) =>
      task.replace("ts002", `t${index}`).replace("<Task>", `<Supervision depends_on="t${(index + 1) % 30}"/><Task>`),
    );
    const text = whole.replace("</Context>", `${ring.join("")}</Context>`);

    expect(detailsOf(() => parseContextConfig(text))).toEqual([
      expect.stringMatching(/: TaskService t0, depends_on: a cycle: t0 -> t1 -> .* -> t19 -> 10 more -> t0$/),
    ]);
  });
});

test("no attribute is one of its parent's, into which the original puts them", () => {
  const attributes = [...SHARED_ATTRIBUTES, ...TASK_ATTRIBUTES, ...CONTEXT_ATTRIBUTES];
  const parents = ["id", "topic", "instance", "serviceType", "ready_after_s", "command", "argument", "Task"];

  expect(attributes.filter((name) => parents.includes(name))).toEqual([]);
});

describe("docs/supervision.md", () => {
  const document = readDocument("docs/supervision.md");
  const rows = document
    .split(/\n(?=#+ )/)
    .filter((section) => section.includes("| attribute |"))
    .flatMap(rowsOf)
    .map((cells) => cells.map((cell) => cell.replaceAll("`", "")));

  test("has a row for every attribute, and none for another", () => {
    expect(rows.map(([name]) => name).toSorted()).toEqual(
      [...SHARED_ATTRIBUTES, ...TASK_ATTRIBUTES, ...CONTEXT_ATTRIBUTES].toSorted(),
    );
  });

  test("has the defaults that hold", () => {
    // Those of a schedule mean nothing without one.
    const others = [...CONTEXT_ATTRIBUTES, "schedule_zone", "catch_up"];
    const defaults = rows.filter(([name = "", value]) => value !== "none" && !others.includes(name));
    const attributes = defaults.map(([name, value]) => `${name}="${value}"`).join(" ");

    expect(readWith(`${attributes} ready_tcp="1" live_tcp="1"`)).toEqual({
      ...DEFAULT_SUPERVISION,
      probe: readWith(`ready_tcp="1"`)?.probe,
      liveness: readWith(`live_tcp="1"`)?.liveness,
    });
  });

  test("has the limits that hold", () => {
    const limits = rows.flatMap(([name = "", , values = ""]) => {
      const [range] = /-?[\d.]+ to \d+|above .*/.exec(values) ?? [];
      return range === undefined ? [] : [{ name, range }];
    });

    expect(limits.filter(({ name, range }) => !faultsOf(`${name}="?"`)[0]?.includes(range))).toEqual([]);
  });

  test("has an example that can be read", () => {
    const [example] = blocksOf(document).filter(({ section }) => section === "An example");

    expect(parseContextConfig(example?.lines.join("\n") ?? "").tasks.map((task) => task.supervision)).toMatchObject([
      { restart: "on-failure", essential: true, environment: { STORE_FOLDER: "/var/lib/store" } },
      { restart: "on-failure", dependsOn: ["store"], graceMs: 5_000 },
    ]);
  });
});
