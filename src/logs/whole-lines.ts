// Puts the parts of lines together that were handed on before their end: the log has whole lines. Of a line that grows,
// the last state counts; it is complete when the stream goes on with another one, or ends. Pure.
import type { PrintedLine } from "../protocol/printed-lines.ts";

export interface WholeLines<About> {
  /** The lines that are complete now, in their order. */
  add(stream: string, printed: PrintedLine, about: About): { printed: PrintedLine; about: About }[];
  /** What is left of these streams: nothing more comes. */
  end(...streams: readonly string[]): { printed: PrintedLine; about: About }[];
}

/** @returns An assembler for any number of streams; `about` is what a line came with first. */
export function createWholeLines<About>(): WholeLines<About> {
  const held = new Map<string, { printed: PrintedLine; about: About }>();

  function take(stream: string): { printed: PrintedLine; about: About }[] {
    const rest = held.get(stream);
    held.delete(stream);
    return rest === undefined ? [] : [rest];
  }

  return {
    add(stream, printed, about) {
      const before = printed.continues ? held.get(stream) : undefined;
      const complete = printed.continues ? [] : take(stream);
      const line = { printed, about: before?.about ?? about };
      if (printed.isPart) {
        held.set(stream, line);
        return complete;
      }
      held.delete(stream);
      return [...complete, line];
    },
    end: (...streams) => streams.flatMap(take),
  };
}
