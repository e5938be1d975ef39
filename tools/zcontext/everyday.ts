// What people who come from another supervisor look for: how each everyday job is done here, and the verb that does what
// the one they have typed does elsewhere.
import type { Command } from "commander";
import { ZcontextError } from "../../src/errors.ts";
import { nearest } from "../../src/suggest.ts";

/** Each: what is to be done, and how. Attributes are those of `<Supervision>` in the context file. */
const JOBS: readonly (readonly [job: string, how: string])[] = [
  ["add any program", 'zcontext new web --command "python3 -m http.server 8000"'],
  ["run what is in a file", "zcontext run conf/Context-Shop.xml"],
  ["logs of yesterday", "zcontext logs --since yesterday --until today"],
  ["logs as they come", "zcontext logs --task_id web --follow"],
  ["why a task is down", "zcontext why --task_id web"],
  ["one table of all", "zcontext status, or zcontext monitor to watch it"],
  ["start one task again", "zcontext restart --task_id web"],
  ["take over a changed file", "zcontext plan, then zcontext apply"],
  ["the same at each change", "zcontext run --watch: for development"],
  ["several contexts", "zcontext list; name one with -f FILE"],
  ["restart at an end", 'restart="on-failure", or "always"'],
  ["several of one program", '<TaskService id="web" instances="3" …>'],
  ["a job every night", 'zcontext new backup --command ./backup.sh --schedule "0 3 * * *"'],
  ["is it alive", 'live_http="http://127.0.0.1:8000/", live_tcp or live_exec'],
  ["stop by a command", 'stop_exec="./drain.sh"'],
  ["another user", 'user="www-data"'],
  ["env files, variables", 'env_file="web.env", <environment name="PORT">80</environment>'],
  ["systemd, at boot", "zcontext install-unit conf/Context-Shop.xml"],
  ["in the background", "zcontext run --daemon; its log: zcontext logs --provider"],
  ["a container, PID 1", "docker run --init; the provider warns where no init runs"],
  ["another machine", "ssh HOST zcontext status, ssh -t HOST zcontext monitor"],
  ["upgrade", "zcontext check FILE, then restart the unit: docs/operations.md"],
  ["what is missing here", "zcontext doctor"],
  ["completion by TAB", "source <(zcontext completion bash)"],
  ["rotation of logs", '<Logs file_mib="10" files="5" total_mib="1024"/>: it is on'],
  ["dead letters, queues", "zcontext bus dead list, zcontext bus queues"],
];

const WIDTH = Math.max(...JOBS.map(([job]) => job.length)) + 2;

/** A table for `--help`. */
export const EVERYDAY = [
  "Everyday jobs:",
  ...JOBS.map(([job, how]) => `  ${job.padEnd(WIDTH)}${how}`),
  "",
  "`zcontext VERB --help` has the options of a verb. The manual is in docs/ of the package: operations.md for logs,",
  "systemd, containers and upgrades, context-file.md and supervision.md for what a file may say.",
].join("\n");

/** Words of pm2, process-compose, supervisorctl, circusctl, systemctl and docker, and the verb that is meant. */
const FOREIGN: Readonly<Record<string, string>> = {
  up: "run",
  daemon: "run",
  daemonize: "run",
  add: "new",
  create: "new",
  init: "new",
  generate: "new",
  serve: "run",
  supervise: "run",
  down: "exit",
  quit: "exit",
  shutdown: "exit",
  kill: "exit",
  reload: "apply",
  update: "apply",
  reread: "plan",
  diff: "plan",
  ls: "list",
  contexts: "list",
  ps: "status",
  show: "status",
  describe: "status",
  info: "status",
  log: "logs",
  tail: "logs",
  journal: "logs",
  monit: "monitor",
  top: "monitor",
  dash: "monitor",
  events: "history",
  explain: "why",
  reason: "why",
  startup: "install-unit",
  save: "install-unit",
  unit: "install-unit",
  systemd: "install-unit",
  service: "install-unit",
  enable: "install-unit",
  boot: "install-unit",
  diagnose: "doctor",
  completions: "completion",
  validate: "check",
  lint: "check",
  test: "check",
  queues: "bus",
  dead: "bus",
  emit: "bus",
  messages: "bus",
};

/** @throws {ZcontextError} `ERR_USAGE` with the verb that was probably meant. */
export function refuseUnknown(program: Command, word: string): never {
  const verbs = program
    .createHelp()
    .visibleCommands(program)
    .map((verb) => verb.name());
  throw new ZcontextError("ERR_USAGE", `${JSON.stringify(word)} is no verb of zcontext`, {
    hint: hintFor(word, verbs),
  });
}

/** What to type instead. */
export function hintFor(word: string, verbs: readonly string[]): string {
  const meant = FOREIGN[word.toLowerCase()] ?? nearest(word, verbs);
  if (meant !== undefined) return `\`zcontext ${meant}\` is probably meant; \`zcontext --help\` lists all.`;
  if (word.endsWith(".xml")) return `\`zcontext run ${word}\` runs it.`;
  return `There are ${verbs.join(", ")}.`;
}
