// What the commands promise their callers: exit codes, what stands on stdout and on stderr, and that they end.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { copyExamples, type Finished, finish, programOf, run, startCommand, startProgram } from "../support/command.ts";
import { contextXml, SERVICES, type TaskXml } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { listen } from "../support/link.ts";
import { freePort } from "../support/port.ts";
import { leaveNoProcess, untilGone } from "../support/processes.ts";
import { startProvider as startProviderOf, untilSignalsHurry } from "../support/provider.ts";

leaveNoProcess();

const FILE = "Context-Test.xml";
const steady: TaskXml = { id: "ts001", instance: "Steady" };
const neverReady: TaskXml = { id: "ts001", instance: "NeverReady" };
const onDemand: TaskXml = { id: "ts002", instance: "Steady", entry: "on_exit" };

/** A shell that runs this text. */
function shell(id: string, text: string, supervision: NonNullable<TaskXml["supervision"]> = {}): TaskXml {
  return { id, instance: id, serviceType: "Executable", command: "sh", arguments: ["-c", text], supervision };
}

/** A provider whose context file has these tasks. */
async function startProvider(...tasks: TaskXml[]) {
  await using folder = await makeFolder({ [FILE]: contextXml(tasks) });
  // Awaited here, for the folder goes when this returns.
  return await startProviderOf(folder.at(FILE));
}

/** A provider for the tests of a group, which leave it as they find it. */
function provideOnce(...tasks: TaskXml[]) {
  let provider: Awaited<ReturnType<typeof startProvider>>;
  beforeAll(async () => {
    provider = await startProvider(...tasks);
  });
  afterAll(() => provider?.close());
  return () => provider;
}

/** Commands the provider, which runs `file`. */
function command({ file }: { file: string }, ...words: string[]): Promise<Finished> {
  return run("conf-command", ["--context_file", file, ...words]);
}

/** What a command has said, but for what it waits for: on a busy machine anything takes longer than a second. */
function complaintsOf({ stderr }: Finished): string[] {
  return stderr.filter((line) => !line.startsWith("waiting for "));
}

/** The one JSON object that a command has answered, and nothing else. */
function answerOf({ stdout }: Finished): unknown {
  expect(stdout).toHaveLength(1);
  return JSON.parse(stdout[0] as string);
}

/** Has the provider end even a deaf task: closing it gives the second signal. */
async function leaveAtOnce({ signal, log }: Awaited<ReturnType<typeof startProvider>>): Promise<void> {
  signal("SIGTERM");
  await log.first(({ msg }) => msg.startsWith("leaving"));
}

// --- wrong usage -----------------------------------------------------------------------------------------------------

describe("wrong usage ends with code 2 and says what would be right:", () => {
  test.each([
    ["service-context", ["F.xml", "--chek"], "(Did you mean --check?)"],
    ["conf-command", ["--action", "start", "--transacton", "T1"], "(Did you mean --transaction?)"],
    ["context-monitor", ["--onec"], "(Did you mean --once?)"],
  ] as const)("an unknown option of %s", async (name, words, suggestion) => {
    const { code, stdout, stderr } = await run(name, words);

    expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
    expect(stderr[0]).toMatch(/^error: unknown option/);
    expect(stderr).toContain(suggestion);
    expect(stderr.at(-1)).toBe(`Try \`${name} --help\`.`);
  });

  test.each([
    ["service-context", [], "missing required argument 'context-file'"],
    ["service-context", ["F.xml", "--diagram", "--check"], "cannot be used with"],
    ["service-context", ["F.xml", "--until-done", "--diagram"], "cannot be used with"],
    ["service-context", ["F.xml", "--start", "T1", "--check"], "cannot be used with"],
    ["conf-command", [], "missing --action"],
    ["conf-command", ["--action", "begin"], "Allowed choices are start, stop, restart, exit, request, top"],
    ["conf-command", ["--action", "start"], "--context_file"],
    ["conf-command", ["--action", "stop", "--endpoint", "tcp://127.0.0.1:1"], "requires --transaction"],
    ["conf-command", ["--content", "{}"], "missing --topic"],
    ["conf-command", ["--action", "start", "--open_connections"], "--open_connections requires --action top"],
    ["conf-command", ["--action", "request", "--service_type", "none"], "--use_service requires --action top"],
    ["conf-command", ["--action", "start", "--timeout", "soon"], "--timeout"],
    ["context-monitor", [], "--context_file"],
  ] as const)("%s %j", async (name, words, expected) => {
    const { code, stdout, stderr } = await run(name, words);

    expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
    expect(stderr.join("\n")).toContain(expected);
  });

  test.each([
    ["service-context", ["conf/No-Such.xml"]],
    ["conf-command", ["--action", "start", "--context_file", "conf/No-Such.xml"]],
    ["context-monitor", ["--context_file", "conf/No-Such.xml"]],
  ] as const)("a file that is not there, for %s", async (name, words) => {
    const { code, stdout, stderr } = await run(name, words);

    expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
    expect(stderr[0]).toContain("conf/No-Such.xml");
    expect(stderr[0]).toContain("(ERR_CONFIG_UNREADABLE)");
  });

  test("a file with problems, all of them at their places", async () => {
    const broken = contextXml([steady])
      .replace('topic="process" ', "")
      .replace("<FrontBind>tcp://127.0.0.1:*", "<FrontBind>tcp:/127.0.0.1");
    await using folder = await makeFolder({ [FILE]: broken });
    const file = folder.at(FILE);

    for (const words of [[file, "--check"], [file, "--diagram"], [file]]) {
      const { code, stdout, stderr } = await run("service-context", words);

      expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
      expect(stderr[0]).toBe(`error: ${file} has 2 problems (ERR_CONFIG_INVALID)`);
      expect(stderr[1]).toMatch(/^ {2}.*Context-Test\.xml:2:\d+: /);
      expect(stderr[2]).toMatch(/^ {2}.*Context-Test\.xml:6:\d+: /);
    }
  });
});

test.each(["service-context", "conf-command", "context-monitor", "context-bus"] as const)(
  "%s tells its version and its options",
  async (name) => {
    const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));

    expect(await run(name, ["--version"])).toEqual({ code: 0, stdout: [version], stderr: [] });
    const { code, stdout, stderr } = await run(name, ["--help"]);

    expect({ code, stderr }).toEqual({ code: 0, stderr: [] });
    expect(stdout[0]).toMatch(new RegExp(`^Usage: ${name} `));
  },
);

// --- with a provider, and without one ------------------------------------------------------------------------------------

describe("a provider ends with code 3 when", () => {
  test("its port is in use, and the endpoint is named", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const taken = contextXml([steady]).replace(
      /(<(?:FrontBind|BackendEndpoint)>tcp:\/\/127\.0\.0\.1:)\*/g,
      `$1${port}`,
    );
    await using folder = await makeFolder({ [FILE]: taken });

    const { code, stdout, stderr } = await run("service-context", [folder.at(FILE)]);
    server.close();

    expect({ code, stdout }).toEqual({ code: 3, stdout: [] });
    expect(stderr[0]).toBe(`error: tcp://127.0.0.1:${port} is in use by another process (ERR_ENDPOINT_IN_USE)`);
    expect(stderr[1]).toMatch(/^hint: /);
  });
});

describe("without a provider a command fails and says so, rather than to hang:", () => {
  test.each([
    ["conf-command", ["--action", "start"]],
    ["conf-command", ["--action", "stop", "--transaction", "T1"]],
    ["conf-command", ["--action", "exit"]],
    ["conf-command", ["--action", "request", "--transaction", "T1"]],
    ["conf-command", ["--topic", "process", "--content", "{}"]],
    ["context-monitor", ["--once"]],
    ["context-monitor", []],
  ] as const)("%s %j with a file", async (name, words) => {
    await using folder = await makeFolder({ [FILE]: contextXml([steady]) });
    const file = folder.at(FILE);

    const { code, stdout, stderr } = await run(name, ["--context_file", file, ...words]);

    expect({ code, stdout }).toEqual({ code: 1, stdout: [] });
    expect(stderr).toEqual([
      `error: no provider on this machine runs ${file} (ERR_PROVIDER_UNREACHABLE)`,
      `hint: Start one with \`service-context ${file}\`.`,
    ]);
  });

  test.each([
    ["conf-command", ["--action", "exit"]],
    ["conf-command", ["--action", "exit", "--subscribe_endpoint", "tcp://127.0.0.1:1"]],
    ["context-monitor", ["--once"]],
  ] as const)("%s %j with an endpoint", async (name, words) => {
    const endpoint = `tcp://127.0.0.1:${await freePort()}`;

    const { code, stdout, stderr } = await run(name, ["--endpoint", endpoint, ...words]);

    expect({ code, stdout }).toEqual({ code: 1, stdout: [] });
    expect(stderr[0]).toMatch(
      new RegExp(`^error: no provider answers at ${endpoint} .*\\(ERR_PROVIDER_UNREACHABLE\\)$`),
    );
  });
});

test.each(["22220", "127.0.0.1:22220", "tcp://127.0.0.1", "tcp://127.0.0.1:*", ""])(
  "an endpoint %j is a usage error of every command that connects to it",
  async (endpoint) => {
    const expected = {
      code: 2,
      stdout: [],
      stderr: [expect.stringContaining("expected tcp://host:port"), expect.stringMatching(/^Try /)],
    };

    expect(await run("context-monitor", ["--once", `--endpoint=${endpoint}`])).toMatchObject(expected);
    expect(await run("conf-command", ["--action", "top", `--endpoint=${endpoint}`])).toMatchObject(expected);
    const listening = ["--endpoint", "tcp://127.0.0.1:1", `--subscribe_endpoint=${endpoint}`];
    expect(await run("conf-command", ["--action", "top", ...listening])).toMatchObject(expected);
  },
);

describe("with a provider that has started nothing", () => {
  const idle = provideOnce(steady);

  test("a start of a task that the file does not have names those that it has", async () => {
    const provider = idle();

    const { code, stderr } = await command(provider, "--action", "start", "--task_id", "ts009");

    expect(code).toBe(1);
    expect(stderr[0]).toBe(`error: ${provider.file} has no task ts009; it has ts001 (ERR_TASK_UNKNOWN)`);
  });

  test("another provider of its file ends with code 3, and its pid is named", async () => {
    const provider = idle();

    const { code, stdout, stderr } = await run("service-context", [provider.file]);

    expect({ code, stdout }).toEqual({ code: 3, stdout: [] });
    expect(stderr[0]).toBe(
      `error: ${provider.file} is already run by the provider with pid ${provider.pid} (ERR_PROVIDER_RUNNING)`,
    );
  });

  test("context-monitor --once fails where no transaction runs", async () => {
    const provider = idle();

    const { code, stdout, stderr } = await run("context-monitor", ["--context_file", provider.file, "--once"]);

    expect({ code, stdout }).toEqual({ code: 1, stdout: [] });
    expect(stderr[0]).toMatch(/^error: no transaction runs .*\(ERR_TRANSACTION_UNKNOWN\)$/);
  });

  test.each(["request", "top"])("%s fails where no transaction runs", async (action) => {
    const provider = idle();

    const { code, stdout, stderr } = await command(provider, "--action", action);

    expect({ code, stdout }).toEqual({ code: 1, stdout: [] });
    expect(stderr[0]).toBe("error: no transaction runs (ERR_TRANSACTION_UNKNOWN)");
  });

  test("a start of code outside the provider's folders is not allowed, code 4", async () => {
    const provider = idle();
    const elsewhere = contextXml([{ ...steady, configuration: "<location>/somewhere/else</location>" }]);
    await using folder = await makeFolder({ [FILE]: elsewhere });

    const { publish, subscribe } = provider.endpoints;
    const { code, stderr } = await run("conf-command", [
      ...["--action", "start", "--context_file", folder.at(FILE)],
      ...["--endpoint", publish, "--subscribe_endpoint", subscribe],
    ]);

    expect(code).toBe(4);
    expect(stderr[0]).toMatch(/^error: ts001: code may not be loaded from "\/somewhere\/else".*LOCATION_FORBIDDEN\)$/);
  });
});

// --- start, stop and what else there is to command -------------------------------------------------------------------

describe("with a provider whose transaction T1 runs", () => {
  const T1 = ["--transaction", "T1"];
  const busy = provideOnce(steady);
  beforeAll(() => command(busy(), "--action", "start", ...T1));

  test("top has the figures published at an endpoint, and ends that", async () => {
    const provider = busy();
    const endpoint = `tcp://127.0.0.1:${await freePort()}`;
    const use = ["--action", "top", ...T1, "--use_service", "--service_endpoint", endpoint];

    const begun = await command(provider, ...use, "--service_freq", "2.5");
    const { stdout: shown } = await run("context-monitor", ["--endpoint", endpoint, "--once"]);
    const ended = await command(provider, ...use, "--service_type", "none");
    const { code: none } = await run("context-monitor", ["--endpoint", endpoint, "--once"]);

    expect(begun).toMatchObject({
      code: 0,
      stderr: [`${endpoint} publishes transaction T1 every 2.5 s until it is over; --service_type none ends it`],
    });
    expect(shown[1]).toMatch(/^ts001 .*running/);
    expect(ended).toMatchObject({ code: 0, stderr: [`${endpoint} no longer publishes transaction T1`] });
    expect(none).toBe(1);
  });

  test("top says how often the figures are published, not how often they were asked for", async () => {
    const provider = busy();
    const endpoint = `tcp://127.0.0.1:${await freePort()}`;
    const use = ["--action", "top", ...T1, "--use_service", "--service_endpoint", endpoint];

    const { stderr } = await command(provider, ...use, "--service_freq", "0.5");

    expect(stderr[0]).toContain("publishes transaction T1 every 1 s until it is over");
  });

  test("top says why a publication can't be", async () => {
    const provider = busy();
    const use = (endpoint: string) =>
      command(provider, "--action", "top", ...T1, "--use_service", "--service_endpoint", endpoint);

    expect(await use("tcp://192.0.2.1:6558")).toMatchObject({
      code: 2,
      stdout: [],
      stderr: [expect.stringMatching(/^error: .*192\.0\.2\.1.* is not on this machine.*\(ERR_ENDPOINT_PUBLIC\)$/)],
    });
    expect((await use("ipc:///figures")).stderr[0]).toMatch(/expected tcp:\/\/127\.0\.0\.1:PORT.*MALFORMED/);
  });

  test("a start of what runs already starts nothing, and shows it with code 3", async () => {
    const provider = busy();

    const { code, stdout, stderr } = await command(provider, "--action", "start");
    const asJson = await command(provider, "--action", "start", "--json");
    const running = await command(provider, "--action", "request");

    expect({ code, head: stdout[0] }).toEqual({ code: 3, head: "transaction T1: already running" });
    expect(stderr.at(-1)).toContain("--new starts another transaction");
    expect(asJson.code).toBe(3);
    expect(answerOf(asJson)).toMatchObject({
      ...{ transaction: "T1", result: "already running" },
      tasks: [{ id: "ts001", state: "running" }],
    });
    expect(running.stdout.filter((line) => line.startsWith("transaction "))).toEqual(["transaction T1: success"]);
  });

  test("a start is refused with code 1 while the task runs, and the reason says so", async () => {
    const provider = busy();

    const { code, stdout, stderr } = await command(provider, "--action", "start", "--transaction", "T1");

    expect({ code, stdout }).toEqual({ code: 1, stdout: [] });
    expect(stderr).toEqual(["error: ts001 is running: stop it first, or use restart (ERR_TASK_ALIVE)"]);
  });

  test("a stop that names another context is refused", async () => {
    const provider = busy();

    const { code, stderr } = await command(
      provider,
      ...["--action", "stop", "--transaction", "T1", "--service_id", "context002"],
    );

    expect(code).toBe(1);
    expect(stderr[0]).toContain("(ERR_CONTEXT_MISMATCH)");
  });

  test("context-monitor --json prints an object a sample", async () => {
    const provider = busy();

    const finished = await run("context-monitor", ["--context_file", provider.file, "--once", "--json"]);

    expect(finished.code).toBe(0);
    expect(answerOf(finished)).toMatchObject({ transaction: "T1", tasks: [{ serviceId: "ts001" }] });
  });

  test("a reader that leaves early makes no command fail", async () => {
    const provider = busy();
    const request = `--context_file '${provider.file}' --action request --transaction T1`;

    for (const [words, reader] of [
      [request, "head -1"],
      [request, "true"],
      ["--help", "true"],
    ]) {
      const line = `'${process.execPath}' '${programOf("conf-command")}' ${words} | ${reader}; exit "\${PIPESTATUS[0]}"`;
      const { code, stderr } = await finish(startProgram("bash", ["-c", line]));

      expect({ code, stderr }).toEqual({ code: 0, stderr: [] });
    }
  });
});

describe("top", () => {
  const T1 = ["--transaction", "T1"];

  test("shows each task, and the sum of several", async () => {
    await using provider = await startProvider(steady, { ...steady, id: "ts002" });
    await command(provider, "--action", "start", ...T1);

    const { code, stdout } = await command(provider, "--action", "top");

    expect(code).toBe(0);
    expect(stdout[0]).toMatch(/^TASK +SERVICE +PID +STATUS +CPU +[PR]SS +MEM +CHILDREN$/);
    expect(stdout[1]).toMatch(/^ts001 +service_ts001 +\d+ +\w+ +\d+\.\d% +\d+\.\d MiB +\d+\.\d% +0$/);
    expect(stdout[3]).toMatch(/^all +\d+\.\d% +\d+\.\d MiB +\d+\.\d%$/);
    expect(stdout).toHaveLength(4);
  });
});

describe("start", () => {
  test("returns when the tasks run, and prints those that wait as well", async () => {
    await using provider = await startProvider(steady, onDemand);

    const finished = await command(provider, "--action", "start", "--transaction", "T1");

    const { code, stdout } = finished;
    expect({ code, complaints: complaintsOf(finished) }).toEqual({ code: 0, complaints: [] });
    expect(stdout[0]).toBe("transaction T1: success");
    expect(stdout[1]).toMatch(/^TASK +SERVICE +STATE +PID +RUNS +REASON$/);
    expect(stdout[2]).toMatch(/^ts001 +service_ts001 +running +\d+ +1$/);
    expect(stdout[3]).toMatch(/^ts002 +service_ts002 +on demand +- +0$/);
    expect(stdout).toHaveLength(4);
  });

  test.each([[[]], [["--transaction", ""]]])("makes a transaction up and prints it, given %j", async (words) => {
    await using provider = await startProvider(steady);

    const { code, stdout } = await command(provider, "--action", "start", ...words);

    expect(code).toBe(0);
    expect(stdout[0]).toMatch(/^transaction [A-Z0-9]{20}: success$/);
  });

  test("of two that come at once starts the context once, and the other one shows it with code 3", async () => {
    await using provider = await startProvider(steady);

    const both = await Promise.all([1, 2].map(() => command(provider, "--action", "start")));
    const running = await command(provider, "--action", "request");

    const heads = both.map(({ code, stdout }) => `${code} ${stdout[0]?.replace(/ [A-Z0-9]{20}/, "")}`);
    expect(heads.sort()).toEqual(["0 transaction: success", "3 transaction: already running"]);
    expect(running.stdout.filter((line) => line.startsWith("transaction "))).toHaveLength(1);
  });

  test("with --new makes another transaction up beside the one that runs", async () => {
    await using provider = await startProvider(steady);
    await command(provider, "--action", "start", "--transaction", "T1");

    const { code, stdout } = await command(provider, "--action", "start", "--new");

    expect(code).toBe(0);
    expect(stdout[0]).toMatch(/^transaction [A-Z0-9]{20}: success$/);
  });

  test("of a task by its id is for the one transaction that runs, and of none where several do", async () => {
    await using provider = await startProvider(steady, { ...steady, id: "ts003" });
    await command(provider, "--action", "start", "--transaction", "T1", "--task_id", "ts001");

    const one = await command(provider, "--action", "start", "--task_id", "ts003");
    await command(provider, "--action", "start", "--transaction", "T2", "--task_id", "ts001");
    const several = await command(provider, "--action", "start", "--task_id", "ts003");

    expect({ code: one.code, head: one.stdout[0] }).toEqual({ code: 0, head: "transaction T1: success" });
    expect(several).toMatchObject({ code: 2, stdout: [] });
    expect(several.stderr[0]).toMatch(/requires --transaction: expected one of T1, T2/);
  });

  test("ends with code 1 and the reason when the task fails", async () => {
    await using provider = await startProvider({ id: "ts001", instance: "FailsToLoad" });

    const { code, stdout } = await command(provider, "--action", "start", "--transaction", "T1");

    expect(code).toBe(1);
    expect(stdout[0]).toBe("transaction T1: failure");
    expect(stdout[2]).toMatch(
      /^ts001 +service_ts001 +\S+ +\S+ +1 +.*does not load: no such pump, at \S+\/ServiceFailsToLoad\.mjs:\d+:\d+$/,
    );
  });

  test("ends with code 1 and the places looked at when there is no code", async () => {
    await using provider = await startProvider({ id: "ts001", instance: "NoSuchService" });

    const { code, stdout } = await command(provider, "--action", "start", "--transaction", "T1");

    expect(code).toBe(1);
    expect(stdout[2]).toContain(`looked in ${SERVICES}`);
  });

  test("ends with code 6 when only some of the tasks run", async () => {
    await using provider = await startProvider(steady, { id: "ts002", instance: "FailsWhenTold" });
    await using ear = await listen(provider.endpoints, "control");

    const starting = startCommand("conf-command", ["--context_file", provider.file, "--action", "start"]);
    await ear.heard.first((message) => JSON.stringify(message).includes('"lifecycle":"running"'));
    const { line } = await provider.log.first(({ line }) => String(line).endsWith(" waits to be told"));
    process.kill(Number.parseInt(String(line), 10), "SIGUSR2");
    const { code, stdout } = await finish(starting);

    expect(code).toBe(6);
    expect(stdout[0]).toMatch(/^transaction [A-Z0-9]{20}: failure$/);
    expect(stdout[2]).toMatch(/^ts001 +service_ts001 +running +\d+ +1$/);
    expect(stdout[3]).toMatch(/^ts002 .* the pump was told to fail, at .*ServiceFailsWhenTold\.mjs:\d+:\d+$/);
  });

  test("ends with code 5 and names the task that is late when the time is over", async () => {
    await using provider = await startProvider(neverReady);

    const { code, stdout, stderr } = await command(
      provider,
      ...["--action", "start", "--transaction", "T1", "--timeout", "0.5"],
    );
    await leaveAtOnce(provider);

    expect({ code, stdout }).toEqual({ code: 5, stdout: [] });
    expect(stderr[0]).toBe("error: start of T1: still waiting for ts001 (starting) after 0.5 s (ERR_REQUEST_TIMEOUT)");
    expect(stderr[1]).toMatch(/^hint: .*--timeout.*--action request/);
  });

  test("names the task that it waits for when that takes longer", async () => {
    await using provider = await startProvider(neverReady);

    const starting = startCommand("conf-command", ["--context_file", provider.file, "--action", "start"]);
    await starting.stderr.first((line) => line === "waiting for start of ts001 …");
    starting.signal("SIGINT");

    expect((await finish(starting)).stdout).toEqual([]);
    await leaveAtOnce(provider);
  });

  test("with --no-wait returns once it is accepted", async () => {
    await using provider = await startProvider(neverReady);

    const { code, stdout } = await command(provider, "--action", "start", "--transaction", "T1", "--no-wait");
    await leaveAtOnce(provider);

    expect(code).toBe(0);
    expect(stdout[0]).toBe("transaction T1: accepted");
    expect(stdout[2]).toMatch(/^ts001 .* starting /);
  });

  test("waits for a task that has crashed and comes back", async () => {
    const supervision = { restart: "always", backoff_min_s: 0.05, backoff_max_s: 0.1, ready_log: "^up$" };
    await using provider = await startProvider(
      shell("ts001", "mkdir once && exit 1; echo up; exec sleep 1000", supervision),
    );

    const { code, stdout } = await command(provider, "--action", "start", "--transaction", "T1");

    expect({ code, first: stdout[0] }).toEqual({ code: 0, first: "transaction T1: success" });
    expect(stdout[2]).toMatch(/^ts001 +service_ts001 +running +\d+ +2$/);
  });

  test("ends when a task can't come any more, because the one that it waits for has failed", async () => {
    await using provider = await startProvider(
      shell("db", "exit 1", { ready_log: "^never$" }),
      shell("app", "exec sleep 1000", { depends_on: "db" }),
    );

    const { code, stdout } = await command(provider, "--action", "start", "--transaction", "T1");

    expect({ code, first: stdout[0] }).toEqual({ code: 1, first: "transaction T1: failure" });
    expect(stdout[2]).toMatch(/^db +service_db +failed /);
    expect(stdout[3]).toMatch(/^app +service_app +blocked +- +0 +waits for db \(failed\)$/);
  });

  test.each([
    [[], (lines: string[]) => lines],
    [["--json"], (lines: string[]) => JSON.parse(lines[0] ?? "")],
  ] as const)("ends at once with code 1 when a later stop has superseded it, given %j", async (words, read) => {
    await using provider = await startProvider(shell("ts001", "echo here; exec sleep 1000", { ready_log: "^never$" }));

    const starting = startCommand("conf-command", [
      ...["--context_file", provider.file, "--action", "start", "--transaction", "T1", ...words],
    ]);
    await provider.log.first(({ line }) => line === "here");
    const stop = await command(provider, "--action", "stop", "--no-wait");
    const { code, stdout } = await finish(starting);

    expect(code).toBe(1);
    expect(stop.stdout[2]).toMatch(/^ts001 +service_ts001 +stopping +\d+ +1$/);
    expect(JSON.stringify(read(stdout))).toMatch(/T1.*superseded.*stop of ts001 has superseded it/);
  });

  test.each([true, false])("ends with code 3 when the provider is killed, its file known: %j", async (isFileKnown) => {
    await using provider = await startProvider(shell("ts001", "exec sleep 1000", { ready_log: "^never$" }));
    const { publish, subscribe } = provider.endpoints;
    const where = isFileKnown
      ? ["--context_file", provider.file]
      : ["--endpoint", publish, "--subscribe_endpoint", subscribe];

    const starting = startCommand("conf-command", [...where, "--action", "start", "--transaction", "T1"]);
    await starting.stderr.first((line) => line.startsWith("waiting for start of ts001"));
    const gone = untilGone(...provider.processes());
    provider.signal("SIGKILL");
    const { code, stdout, stderr } = await finish(starting);
    await gone;

    const who = isFileKnown ? `the provider (pid ${provider.pid})` : "the provider";
    expect({ code, stdout }).toEqual({ code: 3, stdout: [] });
    expect(stderr[1]).toBe(`error: start of T1: ${who} is gone (ERR_PROVIDER_GONE)`);
  });
});

test("options are understood with underscores, with dashes and with an equals sign", async () => {
  await using provider = await startProvider(steady);
  const transaction = ["--transaction=T1", "--json"];

  for (const words of [
    [`--context-file=${provider.file}`, "--action", "start", "--task-id=ts001", ...transaction],
    [`--context_file=${provider.file}`, "--action=stop", "--task_id=ts001", ...transaction],
  ]) {
    const finished = await run("conf-command", words);

    expect(finished.code).toBe(0);
    expect(answerOf(finished)).toMatchObject({ transaction: "T1", result: "success" });
  }
});

test("restart gives the task a new process, stop ends it, exit ends the provider", async () => {
  await using provider = await startProvider(steady);
  const pids = async (action: string) => {
    const finished = await command(provider, "--action", action, "--transaction", "T1", "--json");
    expect(finished.code).toBe(0);
    return (answerOf(finished) as { tasks: { pid: number; state: string }[] }).tasks;
  };

  const [before] = await pids("start");
  const [after] = await pids("restart");
  const [stopped] = await pids("stop");

  expect(after?.pid).not.toBe(before?.pid);
  expect([before?.state, after?.state, stopped?.state]).toEqual(["running", "running", "stopped"]);
  expect((await command(provider, "--action", "exit")).code).toBe(0);
  expect(await provider.exit).toEqual({ code: 0, signal: null });
});

test("request shows the pid of a task that is late as long as its process lives", async () => {
  const deaf = "trap '' TERM; echo up; while :; do sleep 1000; done";
  await using provider = await startProvider(
    // It has to be deaf before it is late.
    shell("ts001", deaf, { ready_log: "^never$", ready_timeout_s: 4, grace_s: 60 }),
  );
  await command(provider, "--action", "start", "--transaction", "T1", "--no-wait");
  await provider.log.first(({ line }) => line === "up");
  await provider.log.first(({ msg }) => msg === "not ready");

  const { stdout } = await command(provider, "--action", "request", "--transaction", "T1");
  await leaveAtOnce(provider);

  expect(stdout[2]).toMatch(/^ts001 +service_ts001 +not ready +\d+ +1 +not ready within 4 s/);
});

test("with the senders' endpoint alone a command is sent, not confirmed, and obeyed all the same", async () => {
  await using provider = await startProvider(steady);

  const { code, stdout, stderr } = await run("conf-command", [
    ...["--action", "start", "--endpoint", provider.endpoints.publish, "--transaction", "T1"],
  ]);

  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: ["transaction T1: sent, not confirmed"], stderr: [] });
  await provider.log.first(({ msg, task, transaction }) => [msg, task, transaction].join() === "running,ts001,T1");
});

test("any message can be published, and is sent, not confirmed", async () => {
  await using provider = await startProvider(steady);
  await command(provider, "--action", "start", "--transaction", "T1");
  const header = { action: "stop", service_id: "ts001", service_name: "service_ts001", transaction: "T1" };

  const { code, stdout } = await command(
    provider,
    ...["--topic", "process", "--content", JSON.stringify({ Task: { message: { header } } })],
  );

  expect({ code, stdout }).toEqual({ code: 0, stdout: ["process: sent, not confirmed"] });
  await provider.log.first(({ msg }) => msg === "transaction ended");
});

// --- what stands on stdout and stderr --------------------------------------------------------------------------------

describe("with --json", () => {
  test("every answer of conf-command is one JSON object on stdout and nothing else", async () => {
    await using provider = await startProvider(steady, onDemand);
    const ask = async (action: string, ...words: string[]) => {
      const finished = await command(provider, "--action", action, "--json", ...words);
      expect(complaintsOf(finished)).toEqual([]);
      return { code: finished.code, answer: answerOf(finished) };
    };
    const tasks = (state: string) => [
      { id: "ts001", state, pid: expect.any(Number) },
      { id: "ts002", state: "defined", pid: null },
    ];
    const T1 = ["--transaction", "T1"];
    const success = { transaction: "T1", result: "success" };

    expect(await ask("start", ...T1)).toEqual({ code: 0, answer: { ...success, tasks: tasks("running") } });
    expect(await ask("start", ...T1)).toEqual({
      code: 1,
      answer: {
        transaction: "T1",
        result: "failure",
        code: "ERR_TASK_ALIVE",
        reason: expect.stringContaining("ts001 is running"),
      },
    });
    expect(await ask("request", ...T1)).toEqual({ code: 0, answer: { ...success, tasks: tasks("running") } });
    expect(await ask("top", ...T1)).toMatchObject({ code: 0, answer: { transaction: "T1", tasks: [{}] } });
    expect(await ask("restart", ...T1, "--task_id", "ts001")).toMatchObject({ code: 0, answer: success });
    expect(await ask("start", ...T1, "--task_id", "ts002", "--no-wait")).toMatchObject({
      code: 0,
      answer: { transaction: "T1", result: "accepted", tasks: [{ id: "ts002", state: "starting", pid: null }] },
    });
    expect(await ask("stop", ...T1)).toMatchObject({ code: 0, answer: success });
    // The last states of what has ended stay.
    expect(await ask("request", ...T1)).toMatchObject({ code: 0, answer: { ...success, ended: true } });
    expect(await ask("request", "--transaction", "T2")).toMatchObject({
      code: 1,
      answer: { transaction: "T2", result: "failure", code: "ERR_TRANSACTION_UNKNOWN" },
    });
    expect(await ask("exit")).toEqual({ code: 0, answer: { transaction: "", result: "success", tasks: [] } });
  });

  test("--check fails, at the line of the task, when it can't be started", async () => {
    const ofProgram = { instance: "Program", serviceType: "Executable" as const };
    const tasks: TaskXml[] = [
      { id: "missing", instance: "Nowhere" },
      { id: "broken", instance: "Broken" },
      { id: "tool", ...ofProgram, command: "no-such-tool" },
      { id: "env", ...ofProgram, command: "true", supervision: { env_file: "absent.env" } },
      { id: "nothing", instance: "Nothing" },
      { id: "number", instance: "Number" },
      { id: "throws", instance: "Throws", serviceType: "Thread" },
      { id: "leaves", instance: "Leaves" },
      { id: "hangs", instance: "Hangs", supervision: { ready_timeout_s: 1 } },
      { id: "long", ...ofProgram, command: "true", supervision: { env_file: "long.env" } },
      { id: "long2", instance: "Works", supervision: { env_file: "long.env" } },
      {
        id: "bridge",
        instance: "Bridge",
        configuration: "<from>HTTPHandler</from><to>KafkaHandlr</to><queue>q</queue>",
      },
      { id: "works", instance: "Works" },
      { id: "fine", ...ofProgram, command: "true" },
    ];
    await using folder = await makeFolder({
      "Context-Lab.xml": contextXml(tasks),
      "long.env": Array.from({ length: 70 }, (_, index) => `V${index}=${"x".repeat(100_000)}\n`).join(""),
      "services/Works/ServiceWorks.mjs":
        "export default { name: 'works', description: '', task: { kind: 'single', run() {} } };",
      "services/Broken/ServiceBroken.ts": "export default = 3;\n",
      "services/Nothing/ServiceNothing.ts": "export const service = 3;\n",
      "services/Number/ServiceNumber.mjs": "console.log('{}');\nexport default 3;\n",
      "services/Throws/ServiceThrows.mjs": "throw new Error('no licence');\n",
      "services/Leaves/ServiceLeaves.mjs": "process.exit(0);\n",
      "services/Hangs/ServiceHangs.mjs": "for (;;);\n",
    });
    const file = folder.at("Context-Lab.xml");
    const lines = (await readFile(file, "utf8")).split("\n");
    const at = (id: string) => {
      const line = lines.findIndex((text) => text.includes(`<TaskService id="${id}"`));
      return `${line + 1}:${(lines[line] as string).indexOf("<TaskService") + 1}`;
    };

    const text = await run("service-context", [file, "--check"]);
    const json = await run("service-context", [file, "--check", "--json"]);

    const reasons = {
      missing: / no Nowhere\/ServiceNowhere\.ts/,
      broken: /ServiceBroken\.ts does not compile$/,
      tool: / no program "no-such-tool"/,
      env: / env_file .*absent\.env/,
      nothing: / ServiceNothing: expected `export default .*`, got no default export$/,
      number: / ServiceNumber: expected `export default .*`, got number without a task$/,
      throws: / ServiceThrows does not load: no licence, at .*ServiceThrows\.mjs:1:7$/,
      leaves: / ServiceLeaves ends the process that loads it, with exit code 0$/,
      hangs: / ServiceHangs is not loaded within 1 s$/,
      long: / all arguments and variables have 7\d{6} bytes together/,
      long2: / all arguments and variables have 7\d{6} bytes together/,
      bridge: / no producer for the protocol "KafkaHandlr"; have HTTPHandler, POSTHandler, RMQIOHandler, KafkaHandler/,
    };
    const first = (id: string) => `  ${file}:${at(id)}: ${id}: `;
    const told = text.stderr.filter((line) => line.startsWith(`  ${file}:`));
    expect(text).toMatchObject({ code: 1, stdout: [] });
    expect(text.stderr[0]).toBe(`error: ${file} is well-formed, but 12 task services of 14 can't be started`);
    expect(text.stderr[3]).toMatch(/^ {4}.*ServiceBroken\.ts:1:16: /);
    expect(told.map((line, index) => line.startsWith(first(Object.keys(reasons)[index] as string)))).toEqual(
      told.map(() => true),
    );
    expect(told).toEqual(Object.values(reasons).map((reason) => expect.stringMatching(reason)));
    expect(json.code).toBe(1);
    expect(answerOf(json)).toMatchObject({
      problems: Object.keys(reasons).map((task) => ({ task, at: at(task), code: expect.stringMatching(/^ERR_/) })),
    });
  });

  test.skipIf(spawnSync("unshare", ["-n", "true"]).status !== 0)(
    "--check fails at an address that the machine does not have (skipped where unshare is not allowed)",
    async () => {
      await using folder = await makeFolder({
        "Context-Lab.xml": contextXml([steady]).replaceAll("127.0.0.1", "[::1]"),
      });
      const file = folder.at("Context-Lab.xml");
      const words = [programOf("service-context"), file, "--check", "--services-root", SERVICES];

      // The loopback interface of a new network namespace is down.
      const { code, stderr } = await finish(startProgram("unshare", ["-n", process.execPath, ...words]));

      expect(code).toBe(1);
      expect(stderr).toEqual([
        `error: ${file} is well-formed, but its forwarder can't be started`,
        expect.stringMatching(/:2:\d+: FrontBind: cannot bind .*: this machine has no IPv6 loopback address/),
        expect.stringMatching(/:2:\d+: BackendBind: cannot bind .*: this machine has no IPv6 loopback address/),
      ]);
    },
  );

  test("service-context answers with what the file says, or how the transaction ended", async () => {
    await using folder = await copyExamples();
    const file = folder.at("conf", "Context-StateMachine.xml");

    const checked = await run("service-context", [file, "--check", "--json"]);
    const drawn = await run("service-context", [file, "--diagram", "--json"]);
    const done = await run("service-context", [file, "--until_done", "--json"]);

    expect(answerOf(checked)).toMatchObject({ contextId: "context001", logName: "StateMachine" });
    expect(answerOf(drawn)).toEqual({ diagram: expect.stringMatching(/^stateDiagram-v2\n/) });
    expect(answerOf(done)).toMatchObject({
      transaction: expect.stringMatching(/^[A-Z0-9]{20}$/),
      result: "success",
      tasks: [{ state: "exited" }, { state: "exited" }, { state: "stopped" }, { state: "exited" }],
    });
  });
});

test("context-monitor shows samples and announcements until it is told to leave", async () => {
  await using provider = await startProvider(steady);
  await command(provider, "--action", "start", "--transaction", "T1");
  const monitor = startCommand("context-monitor", ["--context_file", provider.file, "--transaction", "T1"]);

  await monitor.stdout.first((line) => /^\d\d:\d\d:\d\d {2}T1 {2}ts001 {2}running {2}.* [pr]ss=[\d.]+MiB/.test(line));
  await command(provider, "--action", "stop", "--transaction", "T1");
  await monitor.stdout.first((line) => / {2}T1 {2}ts001 {2}stopped {2}success {2}\{"pid":\d+\}$/.test(line));
  monitor.signal("SIGINT");

  expect(await finish(monitor)).toMatchObject({ code: 0, stderr: [] });
});

describe("colour", () => {
  const FAILING = ["conf/No-Such.xml"];
  // `script` gives a command a terminal.
  const onTerminal = (env: NodeJS.ProcessEnv) =>
    finish(
      startProgram(
        "script",
        ["-qec", `'${process.execPath}' '${programOf("service-context")}' ${FAILING.join(" ")}`, "/dev/null"],
        { env: { NO_COLOR: undefined, NODE_DISABLE_COLORS: undefined, TERM: "xterm-256color", ...env } },
      ),
    );

  test("stands on a terminal", async () => {
    const { stdout } = await onTerminal({});

    expect(stdout[0]).toContain("\u001b[31merror:\u001b[39m");
  });

  test("does not where NO_COLOR objects", async () => {
    const { stdout } = await onTerminal({ NO_COLOR: "1" });

    expect(stdout[0]).toMatch(/^error: /);
    expect(stdout.join("\n")).not.toContain("\u001b");
  });

  test("goes into no pipe, what tasks print included", async () => {
    await using folder = await makeFolder({ [FILE]: contextXml([{ id: "ts001", instance: "PrintsOddLines" }]) });
    const file = folder.at(FILE);

    const done = await run("service-context", [file, "--until-done", "--services-root", SERVICES]);
    const failed = await run("service-context", FAILING);

    expect(done.code).toBe(0);
    expect(done.stderr.some((line) => line.endsWith("| red"))).toBe(true);
    expect([...done.stdout, ...done.stderr, ...failed.stderr].join("\n")).not.toContain("\u001b");
  });
});

test("with --log-format json every line on stderr is an object with time, level and msg, whatever a task prints", async () => {
  await using folder = await makeFolder({ [FILE]: contextXml([{ id: "ts001", instance: "PrintsOddLines" }]) });
  const file = folder.at(FILE);

  const { code, stderr } = await run("service-context", [
    ...[file, "--until-done", "--services-root", SERVICES, "--log-format", "json"],
  ]);

  const lines = stderr.map((line) => JSON.parse(line));
  expect(code).toBe(0);
  for (const line of lines) {
    expect(line).toMatchObject({ level: expect.stringMatching(/^(info|warn)$/), msg: expect.any(String) });
    expect(new Date(line.time).toISOString()).toBe(line.time);
  }
  expect(lines[0]).toMatchObject({ msg: "provider ready", context: "context001", pid: expect.any(Number) });
  const printed = lines.flatMap(({ msg, line }) => (msg === "output" ? [line] : []));
  expect(printed).toContain('{"level":"fatal","msg":"looks like a log line"}');
  expect(printed).toContain("and no end of line");
  expect(printed.filter((line) => /^x+$/.test(line)).join("")).toHaveLength(200_000);
});

test("--log-level leaves out what is below it", async () => {
  await using folder = await copyExamples();
  const file = folder.at("conf", "Context-StateMachine.xml");

  const { code, stderr } = await run("service-context", [file, "--until-done", "--log-level", "warn"]);

  expect({ code, stderr }).toEqual({ code: 0, stderr: [] });
});

// --- leaving -----------------------------------------------------------------------------------------------------------

describe("a provider leaves in order, with code 0 and no process left, at", () => {
  test.each(["SIGINT", "SIGTERM", "SIGQUIT", "SIGPWR", "SIGXCPU"] as const)("%s", async (signal) => {
    await using provider = await startProvider(steady);
    const { stdout } = await command(provider, "--action", "start", "--transaction", "T1", "--json");
    const { pid } = (JSON.parse(stdout[0] as string) as { tasks: { pid: number }[] }).tasks[0] as { pid: number };
    expect(provider.processes()).toContain(pid);

    provider.signal(signal);

    expect(await provider.exit).toEqual({ code: 0, signal: null });
    expect(provider.processes()).toEqual([]);
    const said = provider.log.all.map(({ msg, task }) => [task, msg].filter(Boolean).join(" "));
    expect(said.slice(-5)).toEqual([
      "leaving, once every task has stopped",
      "ts001 stopping",
      "ts001 stopped",
      "transaction ended",
      "provider left",
    ]);
  });
});

test("--until-done ends with code 1 when a task has failed", async () => {
  await using folder = await makeFolder({ [FILE]: contextXml([{ id: "ts001", instance: "FailsWhenRun" }]) });
  const file = folder.at(FILE);

  const { code, stdout } = await run("service-context", [file, "--until-done", "--services-root", SERVICES]);

  expect(code).toBe(1);
  expect(stdout.at(-1)).toMatch(/^ts001 +failed +1 +\S/);
});

test("a second SIGINT ends a task at once that hears nothing", async () => {
  await using provider = await startProvider({ ...neverReady, supervision: { grace_s: 3_600 } });
  await command(provider, "--action", "start", "--no-wait");
  await provider.log.first(({ line }) => line === "loading, for ever");

  provider.signal("SIGINT");
  const first = await provider.log.first(({ msg }) => msg.startsWith("leaving"));
  await untilSignalsHurry(provider);
  provider.signal("SIGINT");

  expect(first).toMatchObject({ signal: "SIGINT", hint: "press Ctrl-C again to end every task at once" });
  await provider.log.first(({ msg }) => msg === "ending every task now");
  await provider.log.first(({ msg, task }) => msg === "stopped" && task === "ts001");
  expect(await provider.exit).toEqual({ code: 0, signal: null });
  expect(provider.processes()).toEqual([]);
});

describe("two signals within a moment are one request to leave:", () => {
  test.each([
    ["SIGINT", "SIGTERM"],
    ["SIGTERM", "SIGQUIT"],
  ] as const)("%s and %s", async (...both) => {
    const saves =
      "trap 'echo saving; read told < go; echo saved; exit' TERM; mkfifo go; echo up; while :; do sleep 0.1; done";
    await using provider = await startProvider(shell("ts001", saves, { grace_s: 3_600 }));
    await command(provider, "--action", "start", "--transaction", "T1", "--no-wait");
    const { line } = await provider.log.first(({ line }) => line === "up");

    // Both wait for a halted process, so it gets them at the same moment.
    for (const signal of ["SIGSTOP", ...both, "SIGCONT"] as const) provider.signal(signal);
    await provider.log.first(({ line }) => line === "saving");
    await writeFile(join(dirname(provider.file), "go"), "told");

    expect(line).toBe("up");
    expect(await provider.exit).toEqual({ code: 0, signal: null });
    const said = provider.log.all.flatMap(({ msg, line }) => (msg === "output" ? [line] : [msg]));
    expect(said).toContain("saved");
    expect(said).not.toContain("ending every task now");
  });
});

test("signals that nobody has asked for end nothing, and open no debugger", async () => {
  await using provider = await startProvider(steady, { ...steady, id: "ts002", serviceType: "Thread" });
  await command(provider, "--action", "start", "--transaction", "T1");
  const pids = provider.processes();
  const strays = ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGSTKFLT"] as const;

  for (const pid of pids) process.kill(pid, "SIGPIPE");
  for (const stray of strays) {
    for (const pid of pids) process.kill(pid, stray);
    const phrase = stray === "SIGHUP" ? "reading the context file again" : "signal ignored";
    await provider.log.first(({ msg, signal }) => msg === phrase && signal === stray);
    // The service has a handler of SIGUSR2 itself; in a thread it can't have one.
    for (const id of stray === "SIGUSR2" ? ["ts002"] : ["ts001", "ts002"])
      await provider.log.first(({ task, line }) => task === id && String(line).startsWith(`${stray} ignored: `));
  }
  const { code } = await command(provider, "--action", "restart", "--transaction", "T1", "--task_id", "ts001");
  provider.signal("SIGTERM");

  expect(code).toBe(0);
  expect(await provider.exit).toEqual({ code: 0, signal: null });
  const said = provider.log.all.map(({ msg, line }) => `${msg} ${line}`).join("\n");
  expect(said).not.toContain("Debugger");
  expect(said).not.toContain("forwarder lost");
  expect(provider.log.all.filter(({ msg }) => msg === "running")).toHaveLength(3);
});
