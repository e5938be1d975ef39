// An engine that is there later: what is asked of it before waits until it is connected, or is rejected with the reason why it
// can't be.
import { reasonOf, ZcontextError } from "../errors.ts";
import type { Engine, Operations, Signal } from "./contract/engine.ts";

/** Signals that wait for it at most. */
const MAX_SIGNALS = 10_000;

/** @param connecting - Not handled elsewhere: its rejection is heard by whoever asks for something. */
export function createLateEngine(name: string, connecting: Promise<Engine>): Engine {
  let engine: Engine | undefined;
  let failed: unknown;
  const waiting: Signal[] = [];
  connecting.then(
    (connected) => {
      engine = connected;
      for (const signal of waiting.splice(0)) connected.publish(signal);
    },
    (error: unknown) => {
      failed = error;
      waiting.length = 0;
    },
  );
  const operations = async () => (await connecting).operations;
  const close = async () => (await connecting.catch(() => undefined))?.close();

  return {
    name,
    emit: async (...words) => (await connecting).emit(...words),
    listen: async (...words) => (await connecting).listen(...words),
    subscribe: async (...words) => (await connecting).subscribe(...words),
    call: async (...words) => (await connecting).call(...words),
    serve: async (...words) => (await connecting).serve(...words),
    publish(signal) {
      if (engine !== undefined) return engine.publish(signal);
      if (failed !== undefined) throw failed;
      if (waiting.length >= MAX_SIGNALS)
        throw new ZcontextError("ERR_OVERLOADED", `${MAX_SIGNALS} signals wait for the engine already`);
      waiting.push(signal);
    },
    signalFigures: () => engine?.signalFigures() ?? { published: [], heard: [] },
    operations: {
      services: async () => (await operations()).services(),
      queues: async () => (await operations()).queues(),
      deadLetters: async (filter) => (await operations()).deadLetters(filter),
      deadLetter: async (id) => (await operations()).deadLetter(id),
      replay: async (ids) => (await operations()).replay(ids),
      discard: async (ids) => (await operations()).discard(ids),
      tap: async (...words) => (await operations()).tap(...words),
    } satisfies Operations,
    get largestBody() {
      return engine?.largestBody;
    },
    get trouble() {
      return engine === undefined ? (failed === undefined ? "not connected yet" : reasonOf(failed)) : engine.trouble;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
