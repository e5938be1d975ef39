// What is wrong with a source: facts, which become sentences when they are listed. Pure.

/** A place in a source: the offset in a text, or the number of an entry in a message. Later places have higher numbers. */
export type Place = number;

/** One thing wrong with a source. */
export interface Problem {
  /** Of the element or attribute to change. */
  place: Place;
  /** What the part belongs to: `TaskService ts001`. None where it belongs to the source as a whole. */
  owner?: string | undefined;
  /** The part that is wrong, from the outside in: `topic`, or `on_exit` and `call`. None where it is the owner itself. */
  part?: readonly string[];
  /** What was expected and what came. */
  message: string;
}

/** What is being read. A file is held to stricter rules than a message, which an older peer may have sent. */
export interface Reading {
  /** Collects every problem found. */
  problems: Problem[];
  /** Unknown names, an empty configuration and calls to unknown ids are problems. */
  strict: boolean;
}

/** A problem as a line of text: `TaskService ts001, on_exit call: expected …`. */
export function sentenceOf({ owner = "", part = [], message }: Omit<Problem, "place">): string {
  const subject = [owner, part.join(" ")].filter((words) => words !== "").join(", ");
  return subject === "" ? message : `${subject}: ${message}`;
}

/**
 * @param labelOf - Turns a place into what a user can go to: `12:5`, or a path.
 * @returns One line for each problem, in the order of the source: `12:5: TaskService ts001, topic: expected …`.
 */
export function describe(problems: readonly Problem[], labelOf: (place: Place) => string): string[] {
  return problems
    .toSorted((one, other) => one.place - other.place)
    .map((problem) => `${labelOf(problem.place)}: ${sentenceOf(problem)}`);
}

/** `1 problem` or `3 problems`. */
export function countOf({ length }: readonly unknown[]): string {
  return length === 1 ? "1 problem" : `${length} problems`;
}

/** A value as a message shows it: quoted, with visible newlines, cut to 60 characters. */
export function quote(value: string): string {
  return JSON.stringify(shorten(value));
}

/** At most 60 characters of a name or value of the user's. */
export function shorten(value: string): string {
  return value.length <= 60 ? value : `${value.slice(0, 59)}…`;
}
