// Why a task stands where it does, from what is kept of a context: the story, the last lines of its run on stderr, and both
// as lines for people.
import { logsFolderOf, type StateFiles } from "../../src/context/journal/state-files.ts";
import { ZcontextError } from "../../src/errors.ts";
import type { Fact } from "../../src/explain/facts.ts";
import { type Story, tellStory } from "../../src/explain/story.ts";
import { channelOf } from "../../src/logs/files.ts";
import { snapshotOf } from "../../src/logs/folder.ts";
import { readBackward } from "../../src/logs/reader.ts";
import { isGap, type LineRecord } from "../../src/logs/records.ts";
import { createDating } from "../log-view.ts";
import { readFacts } from "./facts.ts";
import { headline, outlook, sentenceOf } from "./sentences.ts";
import { wrapped } from "./wrapping.ts";

export interface Why {
  story: Story;
  /** The last lines of the story's run on stderr, the oldest first. */
  stderr: readonly LineRecord[];
}

export interface WhyAsked {
  task: string;
  /** Default: the one in which something has happened to the task last. */
  transaction: string | undefined;
  isProviderThere: boolean;
}

/** How many of its last lines on stderr are shown. */
const LINES = 10;

/** @throws {ZcontextError} `ERR_TASK_UNKNOWN`, `ERR_TRANSACTION_UNKNOWN` or `ERR_CONFIG_UNREADABLE` where nothing is known. */
export async function readWhy(state: StateFiles, asked: WhyAsked): Promise<Why> {
  const facts = await readFacts(state);
  const story = tellStory(facts, asked);
  if (story === undefined) throw unknown(facts, asked);
  return { story, stderr: await lastLines(state, story) };
}

/** What the last run has printed to stderr last. */
async function lastLines(state: StateFiles, { task, transaction, run }: Story): Promise<LineRecord[]> {
  const folder = logsFolderOf(state);
  const files = await snapshotOf(folder).catch(() => []);
  const own = files.filter(({ channel }) => channel === channelOf(task));
  const found: LineRecord[] = [];
  for await (const record of readBackward(folder, own)) {
    if (isGap(record) || record.transaction !== transaction || record.task !== task) continue;
    if (record.run < run) break;
    if (record.stream === "stderr" && record.run === run) found.push(record);
    if (found.length === LINES) break;
  }
  return found.reverse();
}

function unknown(facts: readonly Fact[], { task, transaction }: WhyAsked): ZcontextError {
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

/** A line for people: when something was, or the day above it, and what. */
export interface ToldLine {
  stamp: string;
  text: string;
}

export interface TellOptions {
  nowMs: number;
  /** Sentences are broken to fit; Infinity where nothing cuts a line. */
  columns: number;
  /** The day stands above the first line of each day, and not in every line. */
  hasHeadings: boolean;
}

/** Below this width a sentence begins under its time: beside it there is no room for one. */
const NARROW = 48;
const GAP = "  ";

/** Tells it: how the task stands, what follows, what has led to it, and what it has printed to stderr. */
export function tellWhy({ story, stderr }: Why, { nowMs, columns, hasHeadings }: TellOptions): ToldLine[] {
  const dated = createDating(hasHeadings);
  const plain = (text: string) => wrapped(text, columns).map((line) => ({ stamp: "", text: line }));

  function at(time: string, linesIn: (room: number) => readonly string[]): ToldLine[] {
    const { heading, stamp } = dated(new Date(time));
    const day = heading === undefined ? [] : [{ stamp: heading, text: "" }];
    if (columns < NARROW) return [...day, { stamp, text: "" }, ...plain(linesIn(columns).join(" "))];
    const room = columns - stamp.length - GAP.length;
    const indent = " ".repeat(stamp.length);
    return [...day, ...linesIn(room).map((line, index) => ({ stamp: index === 0 ? stamp : indent, text: GAP + line }))];
  }

  const next = outlook(story, nowMs);
  const told = [
    ...plain(headline(story, nowMs)),
    ...(next === undefined ? [] : plain(next)),
    ...plain(""),
    ...story.chain.flatMap((fact) => at(fact.time, (room) => wrapped(sentenceOf(fact), room))),
  ];
  if (stderr.length === 0) return told;
  // What a program has printed stays as it is.
  const printed = stderr.flatMap(({ time, line }) => at(time, () => [`! ${line}`]));
  return [...told, ...plain(""), ...plain(`its last lines on stderr, of run ${story.run}:`), ...printed];
}
