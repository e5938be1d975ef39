// What happens to the tasks of a context, as it is kept for later questions: each step of a task from one state to
// another with what it took, each trigger that has fired, and when a provider began and ended. A JSON object a line. Pure.
import {
  count,
  flag,
  listOf,
  literal,
  notNegative,
  object,
  oneOf,
  optional,
  read,
  tagged,
  text,
  type Variants,
} from "../protocol/schema.ts";
import { KEPT_TRANSITION, TIME, type Transition } from "../protocol/transition.ts";

/** A step of a task, and what there is to say of it. Its states may be those of a later version. */
export interface MovedFact extends Transition<string>, MoveDetail {
  kind: "moved";
}

export interface MoveDetail {
  /** How long the next start is held back, in milliseconds. */
  delayMs?: number | undefined;
  /** How many ends count for its restart intensity, how many restarts that allows, and within which time. */
  restarts?: { counted: number; most: number; periodMs: number } | undefined;
  /** Why no restart follows, though one was asked for. */
  refusal?: string | undefined;
  /** It was ended by SIGKILL after it had not ended by itself. */
  escalated?: boolean | undefined;
  /** Processes of it that had to be ended, and by what. */
  killed?: readonly { pid: number; name: string; signal: string }[] | undefined;
  /** The kernel's OOM killer has ended a process at that time: of the provider's own control group, or of this machine. */
  oom?: "group" | "machine" | undefined;
}

/** A trigger has fired; it calls no task where it ends the transaction. One that fires all the while is noted now and then. */
export interface TriggeredFact {
  kind: "triggered";
  time: string;
  transaction: string;
  task: string;
  event: string;
  action: string;
  call: readonly string[];
  /** How often it has fired since it was noted last. */
  skipped?: number | undefined;
}

/** Something that was no step of a task, such as a run that was skipped. */
export interface NotedFact {
  kind: "noted";
  time: string;
  transaction: string;
  task: string;
  phrase: string;
  reason: string;
}

/** A killed provider tells no end. */
export interface ProviderFact {
  kind: "provider";
  time: string;
  event: "begin" | "end";
  pid: number;
}

export type Fact = MovedFact | TriggeredFact | NotedFact | ProviderFact;

const FACTS: Variants<Fact, "kind"> = {
  moved: object({
    kind: literal("moved"),
    ...KEPT_TRANSITION,
    delayMs: optional(notNegative),
    restarts: optional(object({ counted: count, most: count, periodMs: notNegative })),
    refusal: optional(text),
    escalated: optional(flag),
    killed: optional(listOf(object({ pid: count, name: text, signal: text }), "a list of processes")),
    oom: optional(oneOf(["group", "machine"])),
  }),
  triggered: object({
    kind: literal("triggered"),
    time: TIME,
    transaction: text,
    task: text,
    event: text,
    action: text,
    call: listOf(text, "a list of ids"),
    skipped: optional(count),
  }),
  noted: object({ kind: literal("noted"), time: TIME, transaction: text, task: text, phrase: text, reason: text }),
  provider: object({ kind: literal("provider"), time: TIME, event: oneOf(["begin", "end"]), pid: count }),
};
const ANY_FACT = tagged<Fact>("kind", FACTS);

/** The fact as a line with its end. */
export function formatFact(fact: Fact): string {
  return `${JSON.stringify(fact)}\n`;
}

/** Reads a line without its end; undefined for one that is no fact. */
export function readFact(line: string): Fact | undefined {
  try {
    return read(ANY_FACT, JSON.parse(line)).value;
  } catch {
    return undefined;
  }
}

/**
 * Facts of several sources as one list, the oldest first. Of a step that several sources have, the first one given counts.
 */
export function mergeFacts(...sources: readonly (readonly Fact[])[]): Fact[] {
  const known = new Set<string>();
  const all = sources.flat().filter((fact) => {
    if (fact.kind !== "moved") return true;
    const key = JSON.stringify([fact.transaction, fact.task, fact.sequence, fact.time]);
    const isNew = !known.has(key);
    known.add(key);
    return isNew;
  });
  return all
    .map((fact, index) => ({ fact, index }))
    .sort((one, other) => compare(one.fact, other.fact) || one.index - other.index)
    .map(({ fact }) => fact);
}

function compare(one: Fact, other: Fact): number {
  if (one.time !== other.time) return one.time < other.time ? -1 : 1;
  return one.kind === "moved" && other.kind === "moved" ? one.sequence - other.sequence : 0;
}
