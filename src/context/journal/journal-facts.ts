// What a journal knows of the steps of tasks, for questions about what has happened. A line that can't be read is passed over:
// the journal may be written to at the moment, and nothing is resumed from this. Pure.
import type { MovedFact } from "../../explain/facts.ts";
import { pickTransition } from "../../protocol/transition.ts";
import { readRecord } from "./records.ts";

/** The steps that the text of a journal holds, the oldest first. */
export function factsIn(text: string): MovedFact[] {
  return text.split("\n").flatMap((line) => {
    const record = readRecord(line);
    return "fault" in record || record.kind !== "moved" ? [] : [{ ...pickTransition<string>(record), kind: "moved" }];
  });
}
