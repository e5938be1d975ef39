// The verbs of `zcontext` that show what runs, and what has happened.
import type { Command } from "commander";
import { answering } from "../program.ts";
import { addControlVerb } from "./control-verbs.ts";
import { collect, forContext, forKept, readCount } from "./verb-options.ts";

const TASKS = "tasks, separated by commas; * stands for any text; may be repeated";
const SINCE = "from 90s, 15m, 1h, 2d ago on, today, yesterday, 14:30, or a date and time";

export function addLookVerbs(program: Command): void {
  addControlVerb(program, "status", "request", "print how the tasks stand");
  addList(program);
  addMonitor(program);
  addLogs(program);
  addWhy(program);
}

function addList(program: Command): void {
  const list = program
    .command("list")
    .description("list the contexts that run on this machine")
    .option("--json", "one JSON object a line");
  list.action(answering(async () => (await import("./list.ts")).listRunning(list.opts())));
}

function addMonitor(program: Command): void {
  const monitor = forContext(
    program.command("monitor").description("watch the tasks: a live table on a terminal, lines elsewhere"),
  )
    .option("--transaction <id>", "watch this transaction only")
    .option("--once", "print one table and leave")
    .option("--json", "one JSON object for each transaction and sample")
    .option("--wait", "wait for a provider that is not there yet; a live table always does");
  monitor.action(answering(async () => (await import("./control.ts")).watch(monitor.opts())));
}

function addLogs(program: Command): void {
  const logs = forKept(
    program.command("logs").description("print what tasks have printed, whether a provider runs or not"),
  )
    .option("--task_id <ids>", TASKS, collect)
    .option("--follow", "go on with what they print, until Ctrl-C")
    .option("--tail <n>", "the last n lines, or all; 100 by default, all with --since or --until", readCount)
    .option("--since <time>", SINCE)
    .option("--until <time>", "up to then, written alike")
    .option("--grep <pattern>", "lines with a match for this regular expression")
    .option("--stderr", "what tasks have printed to stderr")
    .option("--provider", "the log of the provider itself, where it runs with --daemon");
  // Loaded on demand: `--help` must not wait for them.
  logs.action(answering(async () => (await import("./logs.ts")).printLogs(logs.opts())));
}

function addWhy(program: Command): void {
  const load = () => import("./why.ts");
  const why = forKept(
    program.command("why").description("tell why a task stands where it does, and what has led to it"),
  ).requiredOption("--task_id <id>", "the task");
  why.action(answering(async () => (await load()).printWhy(why.opts())));

  const history = forKept(program.command("history").description("list the steps of tasks from one state to another"))
    .option("--task_id <ids>", TASKS, collect)
    .option("--tail <n>", "the last n steps, or all; 50 by default, all with --since", readCount)
    .option("--since <time>", SINCE);
  history.action(answering(async () => (await load()).listHistory(history.opts())));
}
