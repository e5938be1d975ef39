// The problems of a source, and how they are listed. Pure.
/** A place in a source: the offset in a text, the number of an entry in a message. What comes later has the higher one. */
export type Place = number;

/** One thing wrong with a source, at the element or the attribute that is to be changed. */
export interface Problem {
  place: Place;
  message: string;
}

/** What is being read: problems gather here, and a file is held to more than a message that an older peer may have sent. */
export interface Reading {
  problems: Problem[];
  /** Unknown names, an empty configuration and calls to nobody are problems. */
  strict: boolean;
}

/**
 * @param labelOf - Turns a place into what a reader can go to: `12:5`, or a path.
 * @returns One line for each problem, in the order of the source: `12:5: TaskService ts001, …`.
 */
export function describe(problems: readonly Problem[], labelOf: (place: Place) => string): string[] {
  return problems
    .toSorted((one, other) => one.place - other.place)
    .map(({ place, message }) => `${labelOf(place)}: ${message}`);
}

/** A value as a message shows it: quoted, its newlines visible, cut where it would fill the screen. */
export function quote(value: string): string {
  return JSON.stringify(shorten(value));
}

/** At most 60 characters of a name or value that somebody else has written. */
export function shorten(value: string): string {
  return value.length <= 60 ? value : `${value.slice(0, 59)}…`;
}
