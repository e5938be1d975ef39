// `zcontext new`: adds a program to a context file without XML by hand, and says what to type next.
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { quoteWord, splitWords } from "../../src/config/command.ts";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { pathFrom } from "../../src/generator/layout.ts";
import { type ProgramTask, withProgram } from "../../src/generator/program.ts";
import { findSite, readTarget } from "../../src/generator/project.ts";
import { openTemplates } from "../../src/generator/render.ts";
import { writePlan } from "../../src/generator/write.ts";
import { findProgram } from "../../src/launch/environment/program.ts";
import { findPresence } from "../../src/presence/search.ts";
import { differences } from "../create-service/plan-report.ts";
import { answer, answerJson, EXIT, paint, say } from "../print.ts";
import { runProvider } from "../service-context/provider-options.ts";

/** See `--help`. */
export interface NewOptions {
  context_file?: string;
  command?: string;
  description?: string;
  cwd?: string;
  env?: readonly string[];
  env_file?: readonly string[];
  user?: string;
  group?: string;
  instances?: string;
  restart?: string;
  schedule?: string;
  depends_on?: readonly string[];
  ready_log?: string;
  ready?: string;
  liveness?: string;
  stop_command?: string;
  stop_signal?: string;
  grace?: string;
  on_demand?: true;
  sub_port?: string;
  pub_port?: string;
  force?: true;
  dry_run?: true;
  start?: true;
  json?: true;
}

/** Adds a task; answers the exit code, with `--start` that of the provider. */
export async function addProgram(name: string, given: readonly string[], options: NewOptions): Promise<number> {
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(name))
    throw new ZcontextError("ERR_USAGE", `expected a name such as web, got ${JSON.stringify(name)}`, {
      hint: "It becomes the id of the task: a letter, then at most 62 letters, digits, _ or -.",
    });
  const cwd = process.cwd();
  const words = wordsOf(given, options);
  const site = siteOf(cwd, options);
  const { file } = site;
  const before = readTarget(file, site);
  const task = taskOf(name, words, { conf: dirname(file), cwd, options });
  const shown = relative(cwd, file) || file;
  const text = before ?? emptyContext(site.name, options);
  const { text: after, fate } = withProgram(text, task, { file: shown, force: options.force === true });
  const planned = { path: file, before, after, note: "", fate: before === undefined ? "created" : "updated" } as const;
  if (!options.dry_run) writePlan({ files: [planned], site });

  for (const warning of [...shellWarnings(words), ...(await programWarnings(task, dirname(file)))])
    say(`${paint("yellow", "warning:")} ${warning}`);
  const isMade = before === undefined;
  if (options.json)
    answerJson({ result: "success", written: !options.dry_run, file: shown, task: name, fate, made: isMade });
  else if (options.dry_run)
    answer(`nothing is written; without --dry-run this would be:\n${await differences([planned])}`);
  else
    answer(
      fate === "replaced"
        ? `${shown}: ${name} replaced`
        : isMade
          ? `${shown} made, with ${name} in it`
          : `${shown}: ${name} added`,
    );
  if (options.dry_run) return EXIT.done;
  return next(file, shown, options);
}

async function next(file: string, shown: string, { start, json }: NewOptions): Promise<number> {
  const isRunning = (await findPresence(file).catch(() => undefined)) !== undefined;
  if (isRunning) {
    say(
      `next: a provider runs ${shown}; it has the task once it reads the file again: npx zcontext apply -f ${quoteWord(shown)}`,
    );
    return EXIT.done;
  }
  if (start) return runProvider(file, { start: true, services_root: [], log_format: "pretty", log_level: "info" });
  if (!json) say(`next: npx zcontext run ${quoteWord(shown)}`);
  return EXIT.done;
}

function wordsOf(given: readonly string[], { command }: NewOptions): string[] {
  if ((command === undefined) === (given.length === 0))
    throw new ZcontextError("ERR_USAGE", command === undefined ? "there is no command" : "there are two commands", {
      hint: 'Give one: zcontext new web --command "python3 -m http.server 8000", or behind --: zcontext new web -- python3 -m http.server 8000',
    });
  if (command === undefined) return [...given];
  const { words, fault } = splitWords(command);
  if (fault === undefined && (words[0] ?? "") !== "") return words;
  throw new ZcontextError("ERR_USAGE", `--command: expected ${fault ?? "a program and its arguments, got nothing"}`);
}

/** The file, and the folder that nothing is written outside of. */
function siteOf(cwd: string, { context_file }: NewOptions) {
  if (context_file !== undefined) {
    const given = resolve(cwd, context_file);
    const folder = dirname(existsSync(given) ? realpathSync(given) : given);
    const file = join(folder, basename(existsSync(given) ? realpathSync(given) : given));
    const name = basename(file).replace(/^Context-|\.xml$/g, "");
    return { ...findSite({ servicePath: folder, homePath: folder }, cwd), file, name: nameOf(name) };
  }
  const site = findSite({ servicePath: ".", homePath: "." }, cwd);
  const name = nameOf(basename(site.project));
  return { ...site, file: join(site.home, site.folders.conf, `Context-${name}.xml`), name };
}

function nameOf(text: string): string {
  return text.replace(/\W+/g, "_") || "App";
}

function emptyContext(name: string, { sub_port: sub = "*", pub_port: pub = "*" }: NewOptions): string {
  const endpoints = { subscribe: `tcp://127.0.0.1:${sub}`, publish: `tcp://127.0.0.1:${pub}` };
  return openTemplates().render("context.xml.hbs", {
    ...{ endpoints, binds: endpoints, contextId: `context_${name}`, contextName: name },
  });
}

interface Surroundings {
  /** The folder of the context file. */
  conf: string;
  cwd: string;
  options: NewOptions;
}

function taskOf(name: string, words: readonly string[], { conf, cwd, options }: Surroundings): ProgramTask {
  const [program = "", ...rest] = words;
  const runsIn = resolve(cwd, options.cwd ?? ".");
  const from = (path: string) => (isAbsolute(path) ? path : pathFrom(conf, resolve(cwd, path)) || ".");
  const envFiles = options.env_file ?? [];
  const outside = envFiles.map(from).filter((path) => isAbsolute(path) || path.startsWith(".."));
  const dependsOn = options.depends_on ?? [];
  const folder = isAbsolute(options.cwd ?? "") ? (options.cwd as string) : pathFrom(conf, runsIn);
  const supervision = [
    ["restart", options.restart],
    ["schedule", options.schedule],
    ["depends_on", dependsOn.join(" ") || undefined],
    ["working_folder", folder || undefined],
    ["user", options.user],
    ["group", options.group],
    ["env_file", envFiles.map(from).join(", ") || undefined],
    ["env_roots", [...new Set(outside.map((path) => dirname(path)))].join(", ") || undefined],
    ["ready_log", options.ready_log],
    probe("ready", options.ready),
    probe("live", options.liveness),
    ["stop_exec", options.stop_command],
    ["stop_signal", options.stop_signal],
    ["grace_s", options.grace],
  ] as const;
  return {
    ...{ name, instances: options.instances, description: options.description },
    // As a shell finds it there: a path is one of the folder that it runs in, which the file has to say from its own.
    words: [
      isAbsolute(program) || !program.includes("/") ? program : dotted(pathFrom(conf, resolve(runsIn, program))),
      ...rest,
    ],
    entry: options.on_demand ? "on_demand" : "on_start",
    supervision: supervision.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
    environment: (options.env ?? []).map(variable),
  };
}

function dotted(path: string): string {
  return path.startsWith(".") ? path : `./${path}`;
}

/** A URL, a port, `host:port`, or else a command. */
function probe(purpose: "ready" | "live", given: string | undefined): readonly [string, string | undefined] {
  if (given !== undefined && /^https?:\/\//i.test(given)) return [`${purpose}_http`, given];
  if (given !== undefined && /^(?:[^\s/]+:)?\d+$/.test(given)) return [`${purpose}_tcp`, given];
  return [`${purpose}_exec`, given];
}

function variable(text: string): readonly [string, string] {
  const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === "") throw new ZcontextError("ERR_USAGE", `--env: expected NAME=value, got ${JSON.stringify(text)}`);
  return [name, value];
}

const OPERATORS = ["&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1"];

/** No shell runs it, which people who type it in one may not expect. */
function shellWarnings([program = "", ...words]: readonly string[]): string[] {
  if (/(?:^|\/)(?:sh|bash|dash|zsh|ksh|fish)$/.test(program)) return [];
  const odd = words.find((word) => OPERATORS.includes(word) || /\$[A-Za-z_({]/.test(word));
  return odd === undefined
    ? []
    : [
        `no shell runs the command, so ${JSON.stringify(odd)} is an argument like any other; for a shell write sh -c '…'`,
      ];
}

async function programWarnings({ words: [program = ""], environment }: ProgramTask, folder: string): Promise<string[]> {
  try {
    await findProgram("command", program, { folder, environment: Object.fromEntries(environment) });
    return [];
  } catch (error) {
    return [reasonOf(error)];
  }
}
