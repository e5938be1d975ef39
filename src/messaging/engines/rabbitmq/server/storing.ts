// Publishes to exchanges and queues that are declared first: they are declared again where they are gone.
import { setTimeout as pause } from "node:timers/promises";
import { ZcontextError } from "../../../../errors.ts";
import type { Declarations } from "./declarations.ts";
import type { Outcome, Publication, Publisher } from "./publisher.ts";

export interface Storing {
  /** Publishes to an exchange. @param declare - Declares it, where that was not done before. */
  publish(publication: Publication, declare: () => Promise<void>): Promise<Outcome>;
  /** The same for one queue, which must take it. @throws {ZcontextError} `ERR_OVERLOADED`. */
  store(publication: Publication, declare?: () => Promise<void>): Promise<void>;
}

/** How often what is not there is declared again. */
const TRIES = 5;
const NOT_READY_MS = 100;

export function createStoring(publisher: Publisher, declarations: Declarations): Storing {
  async function publish(publication: Publication, declare: () => Promise<void>): Promise<Outcome> {
    let outcome: Outcome = "astray";
    for (let tries = 0; tries < TRIES && outcome === "astray"; tries += 1) {
      if (tries > 0) declarations.forget();
      await declare();
      outcome = await publisher.publish(publication);
    }
    return outcome;
  }

  return {
    publish,
    async store(publication, declare = async () => {}) {
      let outcome = await publish(publication, declare);
      for (let tries = 1; tries < TRIES && outcome !== "stored"; tries += 1) {
        // A queue that somebody has just declared takes nothing yet.
        await pause(tries * NOT_READY_MS);
        declarations.forget();
        outcome = await publish(publication, declare);
      }
      if (outcome !== "stored") throw full(publication.key, outcome);
    },
  };
}

/** @param what - The queue, or the event whose queues were meant. */
export function full(what: string, outcome: Outcome): ZcontextError {
  const why = outcome === "full" ? "is full" : "is not there";
  return new ZcontextError("ERR_OVERLOADED", `engine rabbitmq: a queue of ${what} ${why}`, {
    hint: "Emit again later, add members to the group, or look at `context-bus queues`.",
  });
}
