// What may be taken back from a member: an event that was given to it. Pure.
import type { ZcontextError } from "../../errors.ts";

export abstract class Losable {
  #taken: AbortController | undefined;
  #loss: ZcontextError | undefined;

  /** Made when it is first asked for: most handlers never do. */
  get taken(): AbortSignal {
    this.#taken ??= new AbortController();
    if (this.#loss !== undefined) this.#taken.abort(this.#loss);
    return this.#taken.signal;
  }

  get isTaken(): boolean {
    return this.#loss !== undefined;
  }

  lose(error: ZcontextError): void {
    this.#loss = error;
    this.#taken?.abort(error);
  }
}
