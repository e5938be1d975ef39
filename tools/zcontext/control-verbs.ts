// The verbs of `zcontext` that send a provider a command of `conf-command`, or ask it.
import type { Command } from "commander";
import { type CommandAction, isQuery, type QueryAction } from "../conf-command/actions.ts";
import { answering } from "../program.ts";
import { readSeconds } from "../seconds.ts";
import { forContext } from "./verb-options.ts";

export function addControlVerbs(program: Command): void {
  addControlVerb(program, "start", "start", "start tasks of a transaction").option(
    "--new",
    "start another transaction beside those that run",
  );
  addControlVerb(program, "stop", "stop", "stop tasks of a transaction");
  addControlVerb(program, "restart", "restart", "restart tasks of a transaction");
  addReloadVerbs(program);
  addControlVerb(program, "exit", "exit", "end the provider, once every task has stopped");
}

function addReloadVerbs(program: Command): void {
  const load = () => import("./reload.ts");
  const plan = forContext(program.command("plan").description("print what apply would do, and why"))
    .option("--transaction <id>", "in this transaction only")
    .option("--exit_code", "exit code 6 when there is something to be done")
    .option("--json", "answer in JSON");
  plan.action(answering(async () => (await load()).printPlan(plan.opts())));
  const apply = forContext(
    program.command("apply").description("have the provider take over its changed context file, task by task"),
  )
    .option("--transaction <id>", "in this transaction only")
    .option("--timeout <seconds>", "how long to wait until it is done", readSeconds, 60)
    .option("--json", "answer in JSON");
  apply.action(answering(async () => (await load()).apply(apply.opts())));
}

export function addControlVerb(
  program: Command,
  words: string,
  action: CommandAction | QueryAction,
  description: string,
): Command {
  const control = forContext(program.command(words).description(description))
    .option("--transaction <id>", "the transaction, as conf-command has it")
    .option("--timeout <seconds>", "how long to wait", readSeconds, 60)
    .option("--json", "answer in JSON");
  if (action !== "exit") control.option("--task_id <ids>", "ids of tasks, separated by commas, or all", "all");
  if (!isQuery(action)) control.option("--no-wait", "return once the provider has accepted the command");
  control.action(answering(async () => (await import("./control.ts")).control(action, control.opts())));
  return control;
}
