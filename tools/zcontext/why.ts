// `zcontext why` and `zcontext history`: tell from what is kept why a task stands where it does, and what has happened,
// whether a provider runs or not.
import { logsFolderOf, type StateFiles } from "../../src/context/journal/state-files.ts";
import { ZcontextError } from "../../src/errors.ts";
import type { Fact, MovedFact } from "../../src/explain/facts.ts";
import { type Story, tellStory } from "../../src/explain/story.ts";
import { channelOf } from "../../src/logs/files.ts";
import { snapshotOf } from "../../src/logs/folder.ts";
import { readBackward } from "../../src/logs/reader.ts";
import { isGap, type LineRecord } from "../../src/logs/records.ts";
import { taskFilter } from "../../src/logs/selection.ts";
import { asAscii } from "../../src/protocol/json.ts";
import { wordsFor } from "../../src/protocol/task-state.ts";
import { columns } from "../columns.ts";
import { createDating } from "../log-view.ts";
import { answer, EXIT, paint, say } from "../print.ts";
import { readSince } from "../since.ts";
import { readFacts } from "./kept-facts.ts";
import { headline, outlook, sentenceOf } from "./sentences.ts";
import { findTarget, type TargetOptions } from "./target.ts";

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

/** How many of its last lines on stderr are shown. */
const LINES = 10;
/** How many steps are shown where neither their number nor their time is given. */
const TAIL = 50;

/** Tells why a task stands where it does; returns the exit code. */
export async function tellWhy(options: WhyOptions): Promise<number> {
  const { task_id: task, transaction, json } = options;
  const { state, presence } = await findTarget(options);
  const facts = await readFacts(state);
  const story = tellStory(facts, { task, transaction, isProviderThere: presence !== undefined });
  if (story === undefined) throw unknown(facts, { task, transaction });
  const stderr = await lastLines(state, story);
  if (json) answer(asAscii(JSON.stringify({ ...story, stderr })));
  else printStory(story, stderr);
  return EXIT.done;
}

function printStory(story: Story, stderr: readonly LineRecord[]): void {
  const nowMs = Date.now();
  answer(headline(story, nowMs));
  const next = outlook(story, nowMs);
  if (next !== undefined) answer(next);
  const dated = createDating(process.stdout.isTTY === true);
  const lead = (time: string) => {
    const { heading, stamp } = dated(new Date(time));
    if (heading !== undefined) answer(paint("dim", heading, process.stdout));
    return paint("dim", stamp, process.stdout);
  };
  answer("");
  for (const fact of story.chain) answer(`${lead(fact.time)}  ${sentenceOf(fact)}`);
  if (stderr.length === 0) return;
  answer("");
  answer(`its last lines on stderr, of run ${story.run}:`);
  for (const { time, line } of stderr) answer(`${lead(time)}  ! ${line}`);
}

/** What the last run has printed to stderr last. */
async function lastLines(state: StateFiles, { task, transaction, run }: Story): Promise<LineRecord[]> {
  const folder = logsFolderOf(state);
  const files = await snapshotOf(folder).catch(() => []);
  const found: LineRecord[] = [];
  for await (const record of readBackward(
    folder,
    files.filter(({ channel }) => channel === channelOf(task)),
  )) {
    if (isGap(record) || record.transaction !== transaction || record.task !== task) continue;
    if (record.run < run) break;
    if (record.stream === "stderr" && record.run === run) found.push(record);
    if (found.length === LINES) break;
  }
  return found.reverse();
}

function unknown(
  facts: readonly Fact[],
  { task, transaction }: { task: string; transaction: string | undefined },
): ZcontextError {
  const known = new Set(
    facts.flatMap((fact) =>
      fact.kind === "moved" && (transaction ?? fact.transaction) === fact.transaction ? [fact.task] : [],
    ),
  );
  if (known.size === 0 && transaction !== undefined)
    return new ZcontextError("ERR_TRANSACTION_UNKNOWN", `nothing is known of a transaction ${transaction}`, {
      hint: "`zcontext history` lists what is known.",
    });
  const where = transaction === undefined ? "" : ` in transaction ${transaction}`;
  return new ZcontextError("ERR_TASK_UNKNOWN", `nothing is known of a task ${task}${where}`, {
    hint: known.size === 0 ? "No task has run yet." : `Something is known of ${[...known].sort().join(", ")}.`,
  });
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
