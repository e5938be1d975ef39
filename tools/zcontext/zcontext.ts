#!/usr/bin/env node
// The words of `zcontext`: its verbs, their options and help. Loads little, so that `--help` is fast; the files beside it
// do the work.
import { type Command, InvalidArgumentError } from "commander";
import { type CommandAction, isQuery, type QueryAction } from "../conf-command/actions.ts";
import { answering, createProgram, runProgram } from "../program.ts";
import { readSeconds } from "../seconds.ts";

const program = createProgram("zcontext", "Controls the tasks of a context, and shows what they do and have done.");

/** A verb that is for one context. */
function verb(words: string, description: string): Command {
  return program
    .command(words)
    .description(description)
    .option("-f, --context_file <file>", "the context file; without it, the only context that runs on this machine")
    .option("--state_dir <dir>", "the folder that --state-dir of its provider names; with or without the file")
    .option("--transaction <id>", "what belongs to this transaction")
    .option("--json", "one JSON object a line");
}

/** A verb that sends the provider a command of `conf-command`, or asks it. */
function controlVerb(words: string, action: CommandAction | QueryAction, description: string): Command {
  const control = program
    .command(words)
    .description(description)
    .option("-f, --context_file <file>", "the context file; without it, the only context that runs on this machine")
    .option("--transaction <id>", "the transaction, as conf-command has it")
    .option("--timeout <seconds>", "how long to wait", readSeconds, 60)
    .option("--json", "answer in JSON");
  if (action !== "exit") control.option("--task_id <ids>", "ids of tasks, separated by commas, or all", "all");
  if (!isQuery(action)) control.option("--no-wait", "return once the provider has accepted the command");
  control.action(answering(async () => (await import("./control.ts")).control(action, control.opts())));
  return control;
}

controlVerb("start", "start", "start tasks of a transaction").option(
  "--new",
  "start another transaction beside those that run",
);
controlVerb("stop", "stop", "stop tasks of a transaction");
controlVerb("restart", "restart", "restart tasks of a transaction");
controlVerb("status", "request", "print how the tasks stand");
controlVerb("exit", "exit", "end the provider, once every task has stopped");

const monitor = program
  .command("monitor")
  .description("watch the tasks: a live table on a terminal, lines elsewhere")
  .option("-f, --context_file <file>", "the context file; without it, the only context that runs on this machine")
  .option("--transaction <id>", "watch this transaction only")
  .option("--once", "print one table and leave")
  .option("--json", "one JSON object for each transaction and sample")
  .option("--wait", "wait for a provider that is not there yet; a live table always does");
monitor.action(answering(async () => (await import("./control.ts")).watch(monitor.opts())));

const logs = verb("logs", "print what tasks have printed, whether a provider runs or not")
  .option("--task_id <ids>", "tasks, separated by commas; * stands for any text; may be repeated", collect)
  .option("--follow", "go on with what they print, until Ctrl-C")
  .option("--tail <n>", "the last n lines, or all; 100 by default, all with --since or --until", readCount)
  .option("--since <time>", "from 90s, 15m, 1h, 2d ago on, today, yesterday, 14:30, or a date and time")
  .option("--until <time>", "up to then, written alike")
  .option("--grep <pattern>", "lines with a match for this regular expression")
  .option("--stderr", "what tasks have printed to stderr");
// Loaded on demand: `--help` must not wait for them.
logs.action(answering(async () => (await import("./logs.ts")).printLogs(logs.opts())));

const loadWhy = () => import("./why.ts");

const why = verb("why", "tell why a task stands where it does, and what has led to it").requiredOption(
  "--task_id <id>",
  "the task",
);
why.action(answering(async () => (await loadWhy()).printWhy(why.opts())));

const history = verb("history", "list the steps of tasks from one state to another")
  .option("--task_id <ids>", "tasks, separated by commas; * stands for any text; may be repeated", collect)
  .option("--tail <n>", "the last n steps, or all; 50 by default, all with --since", readCount)
  .option("--since <time>", "from 90s, 15m, 1h, 2d ago on, today, yesterday, 14:30, or a date and time");
history.action(answering(async () => (await loadWhy()).listHistory(history.opts())));

const list = program
  .command("list")
  .description("list the contexts that run on this machine")
  .option("--json", "one JSON object a line");
list.action(answering(async () => (await import("./list.ts")).listRunning(list.opts())));

program
  .command("announce <word> [items...]")
  .description("within a program that is a task: say that it has started, updated, failed or stopped")
  .addHelpText(
    "after",
    "\nAn item is name=text or name:=json, such as n=1, list:='[1, 2]' or reason='disk full'. The triggers of the task fire.",
  )
  .action(answering(async (word: string, items: string[]) => (await import("./announce.ts")).announce(word, items)));

runProgram(program);

function collect(text: string, before: readonly string[] = []): string[] {
  const ids = text.split(",").map((id) => id.trim());
  return [...before, ...ids.filter((id) => id !== "")];
}

function readCount(text: string): number {
  if (text === "all") return Number.POSITIVE_INFINITY;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number, or all.");
}
