// `zcontext plan` and `zcontext apply`: what a provider would do to run its context file as that is now, and doing it.

import { isAnyChange, type PlannedChange, type ReloadPlan } from "../../src/config/planned-change.ts";
import type { ContextClient } from "../../src/context/client/client.ts";
import { connectContext } from "../../src/context/client/client.ts";
import { type ErrorCode, ZcontextError } from "../../src/errors.ts";
import { columns } from "../columns.ts";
import { endpointsOf, findContext } from "../context-file.ts";
import { findTarget } from "../kept/target.ts";
import { answer, answerJson, EXIT, say } from "../print.ts";

export interface PlanOptions {
  context_file?: string;
  transaction?: string;
  exit_code?: true;
  json?: true;
}

export interface ApplyOptions extends Omit<PlanOptions, "exit_code"> {
  timeout: number;
}

/** What the provider finds before it changes anything. */
const IS_REFUSAL: ReadonlySet<ErrorCode> = new Set([
  ...(["ERR_CONFIG_INVALID", "ERR_CONFIG_UNREADABLE", "ERR_ENVIRONMENT_INVALID", "ERR_LOCATION_FORBIDDEN"] as const),
  ...(["ERR_SERVICE_INVALID", "ERR_SERVICE_NOT_FOUND", "ERR_TRANSACTION_UNKNOWN"] as const),
]);
/** After how long a change that waits says so, in milliseconds. */
const PROGRESS_MS = 1_000;

/** Prints what would be done; answers the exit code. */
export async function printPlan(options: PlanOptions): Promise<number> {
  const plan = await withClient(options, (client) => client.plan(options.transaction));
  const isChanged = isAnyChange(plan);
  print(plan, options, { isChanged });
  return isChanged && options.exit_code ? EXIT.partly : EXIT.done;
}

/** Has it done; answers the exit code. */
export async function apply({ timeout, ...options }: ApplyOptions): Promise<number> {
  const { transaction } = options;
  const progress = setTimeout(() => say("waiting until the change is done …"), PROGRESS_MS);
  const plan = await withClient(options, (client) =>
    client.apply({ ...(transaction && { transaction }), timeoutMs: timeout * 1_000 }),
  )
    .catch((error: unknown) => {
      if (!options.json && error instanceof ZcontextError && IS_REFUSAL.has(error.code)) say("nothing was changed");
      throw error;
    })
    .finally(() => clearTimeout(progress));
  const changed = plan.tasks.filter(({ change }) => change !== "same");
  const failed = changed.filter(({ outcome }) => outcome === "failure");
  const isLeft = plan.context.some(({ effect }) => effect === "next-start");
  const result = failed.length > 0 ? "failure" : "success";
  print(plan, options, { result, isChanged: isAnyChange(plan) });
  if (failed.length > 0) return failed.length < changed.length ? EXIT.partly : EXIT.failed;
  return isLeft ? EXIT.partly : EXIT.done;
}

async function withClient<T>(options: PlanOptions, ask: (client: ContextClient) => Promise<T>): Promise<T> {
  const file = options.context_file ?? (await findTarget({})).file;
  if (file === undefined) throw new ZcontextError("ERR_USAGE", "which context? name it with -f FILE");
  // A file that is broken is for its provider to refuse: it alone says that nothing was changed.
  const endpoints = endpointsOf(await findContext(file));
  await using client = await connectContext(endpoints, { contextFile: file });
  return await ask(client);
}

interface Heading {
  isChanged: boolean;
  result?: "success" | "failure";
}

function print(plan: ReloadPlan, { json }: PlanOptions, { isChanged, result }: Heading): void {
  if (json) return answerJson({ ...plan, changed: isChanged, ...(result && { result }) });
  if (result !== undefined) answer(`generation ${plan.generation}: ${isChanged ? result : "nothing to be done"}`);
  else if (!isChanged) answer(`generation ${plan.generation}: nothing to be done`);
  const rows = [...plan.tasks.filter(({ change }) => change !== "same").map(rowOf), ...plan.context.map(contextRow)];
  if (rows.length > 0) answer(columns(["TRANSACTION", "TASK", "CHANGE", "REASON"], rows));
  const same = plan.tasks.filter(({ change }) => change === "same").length;
  if (isChanged && same > 0) answer(`${same} ${same === 1 ? "task stays as it is" : "tasks stay as they are"}`);
  for (const note of plan.notes) say(`note: ${note}`);
  if (plan.context.some(({ effect }) => effect === "next-start"))
    say("note: what needs a new start of the provider holds after `zcontext exit` and another start");
}

function rowOf({ transaction, task, change, reasons, fault }: PlannedChange): string[] {
  const failed = fault === undefined ? [] : [`failed: ${fault}`];
  return [transaction || "-", task, change, [...reasons, ...failed].join("; ")];
}

function contextRow({ part, effect }: ReloadPlan["context"][number]): string[] {
  return ["-", "-", effect === "in-place" ? effect : "needs a new start", part];
}
