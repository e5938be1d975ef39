// `zcontext why` and `zcontext history`: tell from what is kept why a task stands where it does, and what has happened,
// whether a provider runs or not.
import type { MovedFact } from "../../src/explain/facts.ts";
import { taskFilter } from "../../src/logs/selection.ts";
import { asAscii } from "../../src/protocol/json.ts";
import { wordsFor } from "../../src/protocol/task-state.ts";
import { columns } from "../columns.ts";
import { readFacts } from "../kept/facts.ts";
import { findTarget, type TargetOptions } from "../kept/target.ts";
import { readWhy, type TellOptions, tellWhy } from "../kept/why.ts";
import { createDating } from "../log-view.ts";
import { answer, EXIT, paint, say } from "../print.ts";
import { readSince } from "../since.ts";

/** See `--help`. */
export interface WhyOptions extends TargetOptions {
  task_id: string;
  transaction?: string;
  json?: true;
}

export interface HistoryOptions extends TargetOptions {
  task_id?: readonly string[];
  transaction?: string;
  since?: string;
  tail?: number;
  json?: true;
}

/** How many steps are shown where neither their number nor their time is given. */
const TAIL = 50;

/** Tells why a task stands where it does; returns the exit code. */
export async function printWhy(options: WhyOptions): Promise<number> {
  const { task_id: task, transaction, json } = options;
  const { state, presence } = await findTarget(options);
  const why = await readWhy(state, { task, transaction, isProviderThere: presence !== undefined });
  if (json) answer(asAscii(JSON.stringify({ ...why.story, stderr: why.stderr })));
  else for (const { stamp, text } of tellWhy(why, shape())) answer(paint("dim", stamp, process.stdout) + text);
  return EXIT.done;
}

/** Lines that another program reads are not broken. */
function shape(): TellOptions {
  const { isTTY = false, columns } = process.stdout;
  return { nowMs: Date.now(), columns: (isTTY && columns) || Number.POSITIVE_INFINITY, hasHeadings: isTTY };
}

/** Lists the steps of tasks; returns the exit code. */
export async function listHistory(options: HistoryOptions): Promise<number> {
  const { task_id: tasks, transaction, since, json } = options;
  const sinceMs = since === undefined ? Number.NEGATIVE_INFINITY : readSince(since, Date.now());
  const isMeantTask = tasks === undefined ? () => true : taskFilter(tasks);
  const { state } = await findTarget(options);
  const moves = (await readFacts(state)).filter((fact): fact is MovedFact => {
    if (fact.kind !== "moved" || Date.parse(fact.time) < sinceMs) return false;
    return isMeantTask(fact.task) && (transaction === undefined || fact.transaction === transaction);
  });
  const most = options.tail ?? (since === undefined ? TAIL : Number.POSITIVE_INFINITY);
  const shown = most === 0 ? [] : moves.slice(-most);
  if (json) for (const move of shown) answer(asAscii(JSON.stringify(move)));
  else if (shown.length > 0) printMoves(shown);
  if (shown.length === 0) say("no step of that kind");
  return EXIT.done;
}

function printMoves(moves: readonly MovedFact[]): void {
  const dated = createDating(false);
  const areSeveral = new Set(moves.map(({ transaction }) => transaction)).size > 1;
  const rows = moves.map((move) => [
    dated(new Date(move.time)).stamp,
    ...(areSeveral ? [move.transaction] : []),
    move.task,
    wordsFor(move.from),
    wordsFor(move.to),
    `${move.run}`,
    move.pid === undefined ? "" : `${move.pid}`,
    move.reason ?? move.cause ?? "",
  ]);
  answer(columns(["TIME", ...(areSeveral ? ["TRANSACTION"] : []), "TASK", "FROM", "TO", "RUN", "PID", "WHY"], rows));
}
