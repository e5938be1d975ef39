// context-monitor as its users meet it: on a terminal, where it draws, and in a pipe, where it prints lines.
import { describe, expect, test } from "vitest";
import { connectLink } from "../../src/link/link.ts";
import type { Endpoints } from "../../src/protocol/endpoints.ts";
import { BOUND_MS } from "../support/bound.ts";
import { finish, programOf, run, startCommand } from "../support/command.ts";
import { contextXml, SERVICES, shell, type TaskXml } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { announced } from "../support/link.ts";
import { leaveNoProcess, untilGone } from "../support/processes.ts";
import { startProvider as startProviderOf } from "../support/provider.ts";
import { KEY, startOnTerminal, type Terminal } from "../support/terminal.ts";

leaveNoProcess();

const FILE = "Context-Test.xml";
const steady: TaskXml = { id: "ts001", instance: "Steady" };
/** It fails at once, and has no process from then on. */
const broken: TaskXml = { id: "ts002", instance: "Broken", serviceType: "Executable", command: "false" };
const onDemand: TaskXml = { id: "ts003", instance: "Steady", entry: "on_exit" };

const UTF8 = { NO_COLOR: undefined, NODE_DISABLE_COLORS: undefined, TERM: "xterm-256color", LC_ALL: "C.UTF-8" };
const ALTERNATE = "\u001b[?1049h";
const BACK = "\u001b[?7h\u001b[?25h\u001b[?1049l";

/** A provider in which T1 runs. */
async function startProvider(...tasks: TaskXml[]) {
  await using folder = await makeFolder({ [FILE]: contextXml(tasks) });
  // Awaited here, for the folder goes when this returns.
  return await startProviderOf(folder.at(FILE), "--start", "T1");
}

/** A provider of a file that stays where it is. */
function startAgain(folder: Folder) {
  return startCommand("service-context", [folder.at(FILE), "--start", "T1", "--services-root", SERVICES]);
}

/** The monitor in a shell that tells its pid first, and then how it has ended and how the terminal is. */
function startLive(
  words: readonly string[],
  { env = {}, columns = 200 }: { env?: NodeJS.ProcessEnv; columns?: number } = {},
) {
  const shell = `sh -c 'echo "pid $$ ."; exec "$@"' sh "$@"; echo "code $?"; stty -a; echo over`;
  const command = [process.execPath, programOf("context-monitor"), ...words];
  return startOnTerminal(["sh", "-c", shell, "sh", ...command], { env: { ...UTF8, ...env }, columns });
}

async function pidIn(terminal: Terminal): Promise<number> {
  await terminal.reads(" .");
  return Number(/pid (\d+) \./.exec(terminal.text())?.[1]);
}

/** What was printed when the monitor is over; the terminal is as it was. */
async function untilOver(terminal: Terminal, code: number): Promise<string> {
  await terminal.reads(`code ${code}`);
  await terminal.reads("over");
  const after = terminal.text().slice(terminal.text().lastIndexOf("code "));
  expect(after).toMatch(/ icanon /);
  expect(after).toMatch(/ echo /);
  const printed = terminal.printed();
  expect(printed.lastIndexOf(BACK)).toBeGreaterThan(printed.lastIndexOf(ALTERNATE));
  return terminal.text();
}

// --- on a terminal ---------------------------------------------------------------------------------------------------

describe("on a terminal", () => {
  test("there is a table of all tasks, those without a process included, and keys change it", async () => {
    await using provider = await startProvider(steady, broken, onDemand);
    await using terminal = startLive(["--context_file", provider.file]);

    await terminal.reads("LAST EVENT", "ts001", "● running", "✗ failed", "○ on demand");
    terminal.types("ss");
    await terminal.reads("CPU %▼");
    terminal.types("/fail");
    await terminal.reads("1 of 3 match");
    terminal.types(`${KEY.enter}${KEY.enter}`);
    await terminal.reads("no process  runs 1");
    await terminal.reads("Esc back");
    terminal.types("?");
    await terminal.reads("PgUp PgDn");
    terminal.types("q");

    await untilOver(terminal, 0);
  });

  test("m shows the queues between services, and leads back", async () => {
    await using provider = await startProvider({ id: "ts001", instance: "ListensToOrders" });
    await using terminal = startLive(["--context_file", provider.file], { columns: 100 });

    await terminal.reads("● running", "m messages");
    terminal.types("m");
    await terminal.reads("IN FLIGHT", "orders.created  service_ts001");
    terminal.types("m");
    await terminal.reads("Enter all");
    terminal.types("q");

    await untilOver(terminal, 0);
  });

  test("it follows what happens, and the end stays in view", async () => {
    await using provider = await startProvider(steady);
    await using terminal = startLive(["--context_file", provider.file]);

    await terminal.reads("● running");
    await run("conf-command", ["--context_file", provider.file, "--action", "stop", "--transaction", "T1"]);
    await terminal.reads("T1 ended");
    // Only what has changed is drawn, and the task may have stopped a frame before: another size draws all of it.
    terminal.resizes(40, 180);
    await terminal.reads("■ stopped");
    terminal.types(KEY.ctrlC);

    await untilOver(terminal, 0);
  });

  test("another size of the window changes it at once", async () => {
    await using provider = await startProvider(steady);
    await using terminal = startLive(["--context_file", provider.file], { columns: 60 });

    await terminal.reads("● running");
    expect(terminal.text()).not.toContain("SERVICE");
    terminal.resizes(20, 200);
    await terminal.reads("SERVICE");
    terminal.types("q");

    await untilOver(terminal, 0);
  });

  test("a provider that comes late, and one that comes again at other ports, are found", async () => {
    await using folder = await makeFolder({ [FILE]: contextXml([steady]) });
    await using terminal = startLive(["--context_file", folder.at(FILE)]);

    await terminal.reads(`waiting for ${folder.at(FILE)}`);
    await using first = startAgain(folder);
    await terminal.reads("● live", "● running");
    first.signal("SIGTERM");
    await terminal.reads("provider away");
    await finish(first);
    await using second = startAgain(folder);
    await terminal.reads("● live", "● running");
    terminal.types("q");

    await untilOver(terminal, 0);
    second.signal("SIGTERM");
    await finish(second);
  });

  test("Ctrl-Z gives it back, and nobody being there to wake it, it goes on", async () => {
    await using provider = await startProvider(steady);
    await using terminal = startLive(["--context_file", provider.file]);

    await terminal.reads("● running");
    terminal.types("\u001a");
    await terminal.reads("LAST EVENT", "● running");
    terminal.types("q");

    await untilOver(terminal, 0);
    expect(terminal.printed().split(ALTERNATE)).toHaveLength(3);
  });

  test.each(["SIGTERM", "SIGHUP", "SIGINT"] as const)("%s leaves it as it was", async (signal) => {
    await using provider = await startProvider(steady);
    await using terminal = startLive(["--context_file", provider.file]);
    const pid = await pidIn(terminal);

    await terminal.reads("● running");
    process.kill(pid, signal);

    await untilOver(terminal, 0);
  });

  test("an exception leaves it as it was, and can be read", async () => {
    await using folder = await makeFolder({
      "throws.cjs": 'process.on("SIGUSR2", () => { throw new Error("a fault of ours"); });',
    });
    await using provider = await startProvider(steady);
    await using terminal = startLive(["--context_file", provider.file], {
      env: { NODE_OPTIONS: `--require ${folder.at("throws.cjs")}` },
    });
    const pid = await pidIn(terminal);

    await terminal.reads("● running");
    process.kill(pid, "SIGUSR2");

    const text = await untilOver(terminal, 1);
    expect(text).toContain("Error: a fault of ours");
    expect(terminal.printed().lastIndexOf("a fault of ours")).toBeGreaterThan(terminal.printed().lastIndexOf(BACK));
  });

  test("a terminal that is closed ends it", async () => {
    await using provider = await startProvider(steady);
    await using terminal = startLive(["--context_file", provider.file]);
    const pid = await pidIn(terminal);

    await terminal.reads("● running");
    terminal.hangsUp();

    await untilGone(pid);
  });

  test("what a task says can't command it", async () => {
    await using provider = await startProvider(steady);
    await using terminal = startLive(["--context_file", provider.file]);
    await terminal.reads("● running");

    await say(provider.endpoints, "\u001b]0;owned\u0007\u001b[2Jrude\u009b31m");
    await terminal.reads("rude");
    terminal.types("q");

    await untilOver(terminal, 0);
    expect(terminal.printed()).not.toContain("\u001b]0;");
    expect(terminal.printed()).not.toContain("\u009b");
    // Our own wipes alone: the one at the beginning.
    expect(terminal.printed().split("\u001b[2J")).toHaveLength(2);
  });

  test("a task is worked with: its log, why it stands where it does, a stop after a yes, and a start", async () => {
    await using folder = await makeFolder({ [FILE]: contextXml([shell("pump", "echo a word; exec sleep 600")]) });
    await using provider = await startProviderOf(folder.at(FILE), "--start", "T1");
    await using terminal = startLive(["--context_file", provider.file], { env: { NO_COLOR: "1" }, columns: 80 });

    await terminal.reads("\u25cf running", "log of pump", "| a word");
    terminal.types("w");
    await terminal.reads("pump was started, run 1 by command");
    terminal.types("X");
    await terminal.reads("Really stop pump?");
    terminal.types("y");
    await terminal.reads("accepted: stop pump", "1 stopped");
    terminal.types("S");
    await terminal.reads("accepted: start pump", "\u25cf 1 running");
    terminal.types("l/nothing");
    await terminal.reads('No line contains "nothing"');
    terminal.types(`${KEY.enter}D`);
    await terminal.reads("No program has sent a message to another one yet.");
    terminal.types("q");

    await untilOver(terminal, 0);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what it looks for.
    expect(terminal.printed()).not.toMatch(/\u001b\[[0-9;]+m/);
  });

  test("where only the endpoint is known, it says what is not available", async () => {
    await using provider = await startProvider(steady);
    await using terminal = startLive(["--endpoint", provider.endpoints.subscribe]);

    await terminal.reads("ts001", "not available with --endpoint");
    terminal.types("S");
    await terminal.reads("not available with --endpoint");
    terminal.types("q");

    await untilOver(terminal, 0);
  });

  test("with TERM=dumb there are lines, and not one escape", async () => {
    await using provider = await startProvider(steady);
    await using terminal = startLive(["--context_file", provider.file], { env: { TERM: "dumb" } });
    const pid = await pidIn(terminal);

    await terminal.reads("  T1  ts001  running  ");
    await say(provider.endpoints, "\u001b[2Jrude\u009b31m");
    await terminal.reads("rude");
    process.kill(pid, "SIGTERM");
    await terminal.reads("over");

    for (const code of ["\u001b", "\u009b"]) expect(terminal.printed()).not.toContain(code);
  });

  test("a locale without Unicode gets ASCII", async () => {
    await using provider = await startProvider(steady);
    await using terminal = startLive(["--context_file", provider.file], { env: { LC_ALL: "C" } });

    await terminal.reads("* running");
    terminal.types("q");

    await untilOver(terminal, 0);
    expect(terminal.text()).toMatch(/^[\s -~]*$/);
  });

  test("what is wrong with the words is said before anything is drawn", async () => {
    await using terminal = startLive(["--context_file", "conf/No-Such.xml"]);

    await terminal.reads("ERR_CONFIG_UNREADABLE");
    await terminal.reads("code 2");

    expect(terminal.printed()).not.toContain(ALTERNATE);
  });
});

/** Has the task ts001 announce something with this text. */
async function say(endpoints: Endpoints, note: string): Promise<void> {
  await using link = await connectLink(endpoints, { topics: ["control"], onFrame() {} });
  await link.publishThrough(announced("ts001", "updated", { note }), BOUND_MS);
}

interface Event {
  action?: string;
}

// --- in a pipe -------------------------------------------------------------------------------------------------------

describe("in a pipe", () => {
  test("transitions are lines as well, and nothing is coloured", async () => {
    await using provider = await startProvider(steady);
    await using monitor = startCommand("context-monitor", ["--context_file", provider.file]);

    await monitor.stdout.first((line) => / T1 {2}ts001 {2}running {2}.* [pr]ss=/.test(line));
    await run("conf-command", ["--context_file", provider.file, "--action", "stop", "--transaction", "T1"]);
    await monitor.stdout.first((line) => / T1 {2}ts001 {2}stopped {2}from stopping {2}exit/.test(line));
    await monitor.stdout.first((line) => line.endsWith("  T1  -  ended"));
    monitor.signal("SIGTERM");

    const { code, stdout, stderr } = await finish(monitor);
    expect({ code, stderr }).toEqual({ code: 0, stderr: [] });
    expect(stdout.join("\n")).not.toContain("\u001b");
  });

  test("--once prints one table of all tasks", async () => {
    await using provider = await startProvider(steady, broken, onDemand);

    const { code, stdout, stderr } = await run("context-monitor", ["--context_file", provider.file, "--once"], {
      env: { LC_ALL: "C.UTF-8" },
    });

    expect({ code, stderr }).toEqual({ code: 0, stderr: [] });
    expect(stdout).toHaveLength(4);
    expect(stdout[0]).toMatch(/^TASK +SERVICE +STATE +PID +CPU % +MEM MiB +RUNS +UPTIME +LAST EVENT$/);
    expect(stdout[1]).toMatch(/^ts001 +service_ts001 +\S (starting|running) +\d+ +[\d.]+ +[\d.]+ +1 +\d+s +/);
    expect(stdout[2]).toMatch(/^ts002 +service_ts002 +/);
    expect(stdout[3]).toMatch(/^ts003 +service_ts003 +○ on demand +- +- +- +0 +- +created$/);
  });

  test("--json prints an object a sample, with tasks that have no process and what has happened meanwhile", async () => {
    await using provider = await startProvider(steady, onDemand);
    await using monitor = startCommand("context-monitor", ["--context_file", provider.file, "--json"]);
    const sample = (line: string) => JSON.parse(line);

    await monitor.stdout.first((line) => sample(line).tasks.length === 2);
    await say(provider.endpoints, "\u001b[2J\u009b");
    const told = sample(
      await monitor.stdout.first((line) => sample(line).events.some(({ action }: Event) => action === "updated")),
    );
    await run("conf-command", ["--context_file", provider.file, "--action", "stop", "--transaction", "T1"]);
    const last = sample(await monitor.stdout.first((line) => sample(line).events.at(-1)?.action === "ended"));
    monitor.signal("SIGTERM");

    expect(told).toMatchObject({
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      transaction: "T1",
      tasks: [
        { serviceId: "ts001", serviceName: "service_ts001", lifecycle: "running", pid: expect.any(Number) },
        { serviceId: "ts003", lifecycle: "defined", pid: null, runs: 0 },
      ],
      events: expect.arrayContaining([
        expect.objectContaining({ task: "ts001", action: "updated", result: "success" }),
      ]),
    });
    expect(told.tasks[0].total).toMatchObject({ rss: expect.any(Number), cpu_percent: expect.any(Number) });
    expect(last.tasks[0]).toMatchObject({ serviceId: "ts001", lifecycle: "stopped", pid: null });
    const { code, stdout } = await finish(monitor);
    expect(code).toBe(0);
    expect(stdout.join("\n")).toMatch(/^[\n -~]*$/);
  });

  test("where another provider has the ports of the file, it says where it listens", async () => {
    await using provider = await startProvider(steady);
    const { publish, subscribe } = provider.endpoints;
    const xml = contextXml([steady])
      .replace(/(<(?:FrontEndEndpoint|BackendBind)>)[^<]*/g, `$1${subscribe}`)
      .replace(/(<(?:BackendEndpoint|FrontBind)>)[^<]*/g, `$1${publish}`);
    await using folder = await makeFolder({ [FILE]: xml });
    const file = folder.at(FILE);

    const { code, stdout, stderr } = await run("context-monitor", ["--context_file", file, "--once"]);

    expect(code).toBe(0);
    expect(stdout[1]).toMatch(/^ts001 /);
    expect(stderr).toEqual([
      `warning: no provider on this machine runs ${file}; trying ${subscribe}, as the file says`,
    ]);
  });

  test("--wait waits for a provider, and the next one is found without it", async () => {
    await using folder = await makeFolder({ [FILE]: contextXml([steady]) });
    await using monitor = startCommand("context-monitor", ["--context_file", folder.at(FILE), "--wait"]);
    const isSample = (line: string) => / ts001 {2}running {2}.* [pr]ss=/.test(line);

    await monitor.stderr.first((line) => line === "waiting for a provider");
    await using first = startAgain(folder);
    const before = await monitor.stdout.first(isSample);
    first.signal("SIGTERM");
    await monitor.stderr.first((line) => line.startsWith("the provider has gone"));
    await finish(first);
    await using second = startAgain(folder);
    const pid = /pid=\d+/.exec(before)?.[0] as string;
    await monitor.stdout.first((line) => isSample(line) && !line.includes(`${pid} `));
    monitor.signal("SIGINT");

    expect((await finish(monitor)).code).toBe(0);
    second.signal("SIGTERM");
    await finish(second);
  });
});
