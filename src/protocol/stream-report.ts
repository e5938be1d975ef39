// How a task tells what it has counted of the queues that it sends to and consumes. Pure.
import { count, listOf, type ObjectSchema, object, read, text } from "./schema.ts";
import { MOST_STREAMS, type StreamFigures } from "./stream-figures.ts";

const FIGURES: ObjectSchema<StreamFigures> = object({
  ...{ queue: text, protocol: text },
  ...{ sent: count, unsent: count, accepted: count, refused: count, handled: count, failed: count },
});
const LIST = listOf(FIGURES, "a list of figures of queues");

/** Undefined for what is malformed. */
export function readStreamFigures(value: unknown): StreamFigures[] | undefined {
  return read(LIST, value).value?.slice(0, MOST_STREAMS);
}
