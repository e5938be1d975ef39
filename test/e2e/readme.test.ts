// README.md and docs/tutorial.md, done by the letter: each command of them is run as it stands there, in its order, and must
// print what is printed there.
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { splitWords } from "../../src/config/command.ts";
import {
  type CommandName,
  copyExamples,
  type Finished,
  finish,
  type RunningCommand,
  run,
  startCommand,
  startProgram,
} from "../support/command.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { blocksOf, commandsOf, readDocument } from "../support/readme.ts";

leaveNoProcess();

const readme = readDocument();
const tutorial = readDocument("docs/tutorial.md");
const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

/** Somebody who reads a section and types what it says. */
interface Reader {
  /** Runs a command to its end, which must be a good one. */
  runs(command: string): Promise<Finished>;
  /** Starts a command in a terminal of its own and waits for a line of its log. */
  starts(command: string, line: RegExp): Promise<RunningCommand>;
  /** The command that runs in the other terminal. */
  other(): RunningCommand;
  reads(file: string): Promise<string>;
  /** Everything printed so far. */
  readonly seen: string[];
}

// The commands of README, each with how it is run.
const COMMANDS: { [command: string]: (reader: Reader, command: string) => Promise<void> } = {
  // Installing is what whoever runs this test has done.
  async "npm ci && npm run example"(reader) {
    const example = await reader.starts(scripts.example, / ts_100 .* \| 5…$/);
    example.signal("SIGTERM");

    const { code, stderr } = await finish(example);
    expect(code).toBe(0);
    expect(stderr.filter((line) => /^ {2}npx /.test(line)).length).toBeGreaterThan(2);
  },

  // These tests are what it runs; the continuous integration gives the very command.
  async "npm ci && npm test"() {
    expect(scripts.test).toBe("npm run build --silent && vitest run");
  },

  async ['npx zcontext new web --command "python3 -m http.server 8000" --restart always --ready 8000 ' +
    "-f Context-Site.xml"](reader, command) {
    const port = `${await freePort()}`;
    await reader.runs(command.replaceAll("8000", port));

    const [shown] = blocks.filter(
      ({ section, language }) => section === "A program that you have" && language === "xml",
    );
    const written = (await reader.reads("Context-Site.xml")).replaceAll(port, "8000").split("\n").map(plain);
    expect(written).toEqual(expect.arrayContaining((shown?.lines ?? []).map(plain)));
  },

  async "npx zcontext run Context-Site.xml"(reader, command) {
    await reader.starts(command, WEB_RUNS);
  },

  async "npx zcontext status -f Context-Site.xml"(reader, command) {
    await reader.runs(command);

    // The next thing README asks for.
    const { stderr } = reader.other();
    const [killed] = pidsOfWeb(reader.other());
    process.kill(Number(killed), "SIGKILL");
    await stderr.first(() => pidsOfWeb(reader.other()).length > 1);
  },

  async "npx zcontext why -f Context-Site.xml --task_id web"(reader, command) {
    await reader.runs(command);
  },

  async "npx zcontext exit -f Context-Site.xml"(reader, command) {
    await reader.runs(command);

    expect((await finish(reader.other())).code).toBe(0);
  },

  async "npx service-context conf/Context-StateMachine.xml --until-done"(reader, command) {
    await reader.runs(command);
  },

  async "npx service-context conf/Context-EchoAction.xml"(reader, command) {
    await reader.starts(command, / provider ready /);
  },

  async "npx conf-command --action start --context_file conf/Context-EchoAction.xml --transaction T1"(reader, command) {
    const { stdout } = await reader.runs(command);

    const [, pid] = /^ts_100 +echo_action +running +(\d+) +1$/.exec(stdout[2] as string) ?? [];
    expect(Number(pid)).toBe(runningIn(reader.other()));
    await reader.other().stderr.first((line) => / ts_100 .* \| 4…$/.test(line));
  },

  async "npx context-monitor --context_file conf/Context-EchoAction.xml --once"(reader, command) {
    const { stdout } = await reader.runs(command);

    const [head, row, ...others] = stdout;
    const killed = runningIn(reader.other());
    expect(head?.split(/ {2,}/)).toEqual(/^(TASK .* LAST EVENT)\nts_100 /m.exec(tutorial)?.[1]?.split(/ {2,}/));
    expect(row).toMatch(new RegExp(`^ts_100 +echo_action +\\S running +${killed} +[\\d.]+ +[\\d.]+ +1 +\\d+s +`));
    expect(others).toEqual([]);
    // The next thing README asks for.
    process.kill(killed, "SIGKILL");
    await reader.other().stderr.first((line) => RUNNING.test(line) && !line.endsWith(` pid=${killed}`));
  },

  async "npx conf-command --action request --context_file conf/Context-EchoAction.xml --transaction T1"(
    reader,
    command,
  ) {
    const { stdout } = await reader.runs(command);

    const [, pid] = /^ts_100 +echo_action +running +(\d+) +2$/.exec(stdout[2] as string) ?? [];
    expect(Number(pid)).toBe(runningIn(reader.other()));
  },

  async "npx conf-command --action stop --context_file conf/Context-EchoAction.xml --transaction T1"(reader, command) {
    const pid = runningIn(reader.other());

    await reader.runs(command);

    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  },

  async "npx conf-command --action exit --context_file conf/Context-EchoAction.xml"(reader, command) {
    await reader.runs(command);

    expect((await finish(reader.other())).code).toBe(0);
  },

  async "npx service-context conf/Context-StateMachine.xml --check"(reader, command) {
    await reader.runs(command);
  },

  async ["npx create-service --context_name Greenhouse --task_id ts001 --task_service Thermometer " +
    '--task_desc "Reports the temperature" --service_name thermometer --device_action measure ' +
    '--on_fail "restart ts001" --service_path . --server_ip 127.0.0.1 --sub_port "*" --pub_port "*"'](reader, command) {
    await reader.runs(command);
  },

  async "npx service-context conf/Context-Orders.xml --start"(reader, command) {
    const provider = await reader.starts(command, / mailer +\| mail to ada: invoice 1$/);
    await provider.stderr.first((line) => line.includes("NonRetryableError: mallory has no mailbox"));
  },

  async 'npx context-bus tap --event "orders.*" --context_file conf/Context-Orders.xml'(reader, command) {
    const tap = await reader.starts(command, /^watching/);
    await tap.stdout.first((line) => line.includes(" orders.created "));
    tap.signal("SIGINT");
    expect((await finish(tap)).code).toBe(0);

    // The next thing README asks for.
    const { stderr } = reader.other();
    const pid = () => stderr.all.flatMap((line) => / billing +running .* pid=(\d+)$/.exec(line)?.[1] ?? []);
    process.kill(Number(pid().at(-1)), "SIGKILL");
    await stderr.first(() => pid().length > 1);
    const last = numbersIn(stderr, /order (\d+) of/).at(-1) ?? 0;
    await stderr.first(() => numbersIn(stderr, /invoice (\d+) for/).includes(last));

    const invoices = [...new Set(numbersIn(stderr, /invoice (\d+) for/))].sort((one, other) => one - other);
    expect(invoices.slice(0, last)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
  },

  async "npx context-bus queues --context_file conf/Context-Orders.xml"(reader, command) {
    await reader.runs(command);
  },

  async "npx context-bus dead list --context_file conf/Context-Orders.xml"(reader, command) {
    const { stdout } = await reader.runs(command);

    expect(stdout.length).toBeGreaterThan(1);
  },

  async [`npx context-bus call mailer.add_mailbox --params '{"customer": "mallory"}' ` +
    "--context_file conf/Context-Orders.xml"](reader, command) {
    await reader.runs(command);
  },

  async "npx context-bus dead replay --all --context_file conf/Context-Orders.xml"(reader, command) {
    await reader.runs(command);

    await reader.other().stderr.first((line) => / mailer +\| mail to mallory: invoice 4$/.test(line));
    const { stdout } = await reader.runs("npx context-bus dead list --context_file conf/Context-Orders.xml");
    expect(stdout).toEqual(["no dead letters"]);
  },
};

const RUNNING = / ts_100 +running +pid=(\d+)$/;
const WEB_RUNS = / web +running +pid=(\d+)$/;

function pidsOfWeb({ stderr }: RunningCommand): string[] {
  return stderr.all.flatMap((line) => WEB_RUNS.exec(line)?.[1] ?? []);
}

/** The numbers in the lines that a provider has printed so far, in their order. */
function numbersIn({ all }: RunningCommand["stderr"], pattern: RegExp): number[] {
  return all.flatMap((line) => pattern.exec(line)?.[1] ?? []).map(Number);
}

/** The pid of the task that a provider has said last to be running. */
function runningIn({ stderr }: RunningCommand): number {
  return Number(stderr.all.flatMap((line) => RUNNING.exec(line)?.[1] ?? []).at(-1));
}

const blocks = [...blocksOf(readme), ...blocksOf(tutorial)];
const commandsIn = (section: string) =>
  blocks.filter((block) => block.section === section && block.language === "sh").flatMap(commandsOf);
const sections = [...new Set(blocks.filter(({ language }) => language === "sh").map(({ section }) => section))];

test("every command of README and of the tutorial is run here, and no other", () => {
  expect(sections.flatMap(commandsIn)).toEqual(Object.keys(COMMANDS));
});

test.each(sections)("the commands under “%s” do and print what is said there", async (section) => {
  await using folder = await copyExamples();
  await using terminals = openTerminals(folder);
  const { reader } = terminals;

  for (const command of commandsIn(section)) await COMMANDS[command]?.(reader, command);

  const seen = new Set(reader.seen.map(plain));
  const shown = blocks
    .filter((block) => block.section === section && block.language === "")
    .flatMap(({ lines }) => lines.map(plain).filter((line) => line !== "…"));
  expect(shown.filter((line) => !seen.has(line))).toEqual([]);
});

/** A line without what differs from run to run: times, pids, figures, ids, last events, and the widths that follow from them. */
function plain(line: string): string {
  return line
    .replace(/^\d{4}-\d\d-\d\d (?=\d\d:)/, "")
    .replace(/(running .* \d+s) {2}\S.*$/, "$1 …")
    .replace(/transaction=\S+/, "transaction=…")
    .replace(/( \d+ B {2}).*$/, "$1…")
    .replace(/^\d+-[0-9a-z]+ /, "ID ")
    .replace(/\d+(\.\d+)?/g, "N")
    .replace(/^N:N:N/, "TIME")
    .replace(/ (sleeping|running) pid=/, " sleeping pid=")
    .replace(/ +/g, " ")
    .trim();
}

/** Where a reader types: commands run in a copy of the examples, and what still runs at the end is ended. */
function openTerminals({ path: cwd, at }: Folder): { reader: Reader } & AsyncDisposable {
  const started: RunningCommand[] = [];
  let other: RunningCommand | undefined;

  function start(command: string): RunningCommand {
    const [, script] = /^node (scripts\/.*)$/.exec(command) ?? [];
    const [, name, words = ""] = /^npx ([\w-]+) (.*)$/.exec(command) ?? [];
    const running =
      script === undefined
        ? startCommand(name as CommandName, splitWords(words).words, { cwd })
        : startProgram(process.execPath, [fileURLToPath(new URL(`../../${script}`, import.meta.url))], { cwd });
    started.push(running);
    return running;
  }

  const reader: Reader = {
    async runs(command) {
      const finished = await finish(start(command));
      expect(finished.code).toBe(0);
      return finished;
    },
    async starts(command, line) {
      const running = start(command);
      other ??= running;
      await running.stderr.first((said) => line.test(said));
      return running;
    },
    other() {
      if (other === undefined) throw new Error("no command runs in another terminal");
      return other;
    },
    reads: (file) => readFile(at(file), "utf8"),
    get seen() {
      return started.flatMap(({ stdout, stderr }) => [...stdout.all, ...stderr.all]);
    },
  };
  return {
    reader,
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((running) => running[Symbol.asyncDispose]()));
    },
  };
}

test("the diagram README shows is the one that is printed", async () => {
  const [diagram] = blocks.filter(({ language }) => language === "mermaid");
  await using folder = await copyExamples();

  const { code, stdout } = await run("service-context", ["conf/Context-StateMachine.xml", "--diagram"], {
    cwd: folder.path,
  });

  expect({ code, stdout }).toEqual({ code: 0, stdout: diagram?.lines });
});

// --- options -----------------------------------------------------------------------------------------------------------

/** What docs/commands.md says about each command, from its name in bold to the next. */
const said = new Map(
  readDocument("docs/commands.md")
    .split(/^\*\*`/m)
    .slice(1)
    .map((text) => [text.slice(0, text.search(/[ `]/)) as CommandName, text]),
);

function optionsIn(written: string): Set<string> {
  return new Set([...written.matchAll(/--[a-z][a-z_-]*/g)].map(([option]) => option.replaceAll("_", "-")));
}

/** Options that go without saying, or are there for old scripts alone. */
const UNSAID = ["--version", "--help", "--use-file"];

test("docs/commands.md explains every command", () => {
  const { bin } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

  expect([...said.keys()]).toEqual(Object.keys(bin));
});

describe.each([...said])("of %s", (name, text) => {
  test("docs/commands.md explains every option there is, and none that is not", async () => {
    const there = [...new Set(await optionsThereAre(name))];
    expect(there.length).toBeGreaterThan(UNSAID.length);
    const expected = there.map((option) => option.replaceAll("_", "-")).filter((option) => !UNSAID.includes(option));
    expect([...optionsIn(text)].sort()).toEqual(expected.sort());
  });
});

/** Verbs of `zcontext` that are the same code as another command, which explains their options. */
const SAME_CODE: { [verb: string]: CommandName } = {
  run: "service-context",
  check: "service-context",
  "install-unit": "service-context",
  bus: "context-bus",
};

/** The options in the help of a command, and of the commands below it. */
async function optionsThereAre(name: CommandName, ...words: string[]): Promise<string[]> {
  const { stdout } = await run(name, [...words, "--help"]);
  const options = stdout.flatMap((line) => /^ {2}(?:-\w, )?(--[\w-]+)/.exec(line)?.[1] ?? []);
  const below = verbsIn(stdout).map(async (word) => {
    const there = await optionsThereAre(name, ...words, word);
    const explained = said.get(SAME_CODE[word] ?? name);
    return name === "zcontext" && explained !== undefined && word in SAME_CODE
      ? there.filter((option) => !optionsIn(explained).has(option.replaceAll("_", "-")))
      : there;
  });
  return [...options, ...(await Promise.all(below)).flat()];
}

/** The commands that a help lists, under whatever headings. */
function verbsIn(help: readonly string[]): string[] {
  let isList = false;
  return help.flatMap((line) => {
    if (/^\S/.test(line))
      isList = line.endsWith(":") && !/^(Arguments|Options|Global Options|Everyday jobs):/.test(line);
    return (isList && /^ {2}(?!help )([a-z][\w-]*)/.exec(line)?.[1]) || [];
  });
}

test("the project of one's own that the tutorial makes runs, with the code and the configuration it shows", async () => {
  const blocks = [...blocksOf(readme), ...blocksOf(tutorial)];
  const own = (language: string) =>
    blocks.filter((block) => block.section === "Your own" && block.language === language);
  const [create = ""] = own("sh").flatMap(commandsOf);
  const [configuration] = own("xml");
  const code = blocksOf(readDocument("docs/service-code.md")).filter(({ language }) => language === "ts");
  const [service, task] = code.map(({ lines: [head = "", ...text] }) => ({
    path: /^\/\/ (\S+):/.exec(head)?.[1] as string,
    text: text.join("\n"),
  }));
  await using folder = await makeFolder({ sensor: "42000" });
  const inFolder = { cwd: folder.path };
  const [, , ...words] = splitWords(create).words;

  expect((await run("create-service", words, inFolder)).code).toBe(0);
  expect(await readFile(folder.at(service?.path as string), "utf8")).toContain(`${service?.text}\n`);
  await folder.write(task?.path as string, task?.text as string);
  const file = folder.at("conf", "Context-Greenhouse.xml");
  const text = await readFile(file, "utf8");
  // A sensor that every machine has.
  const shown = configuration?.lines.join("\n").replace(/(<device>).*(<)/, `$1${folder.at("sensor")}$2`);
  await writeFile(file, text.replace("</configuration>", `${shown}</configuration>`));

  await using provider = startCommand("service-context", ["conf/Context-Greenhouse.xml", "--start"], inFolder);
  await provider.stderr.first((line) => / ts001 +running /.test(line));
  await using monitor = startCommand("context-monitor", ["--context_file", "conf/Context-Greenhouse.xml"], inFolder);
  await monitor.stdout.first((line) => line.includes('updated  success  {"celsius":42}'));
  provider.signal("SIGINT");

  expect((await finish(provider)).code).toBe(0);
});
