import type { CallSignal } from "./contract/engine.ts";

const NONE: readonly (() => void)[] = [];

/** Until when a caller waits: until its time is over, or its own signal is aborted. To be ended in any case. */
export class CallDeadline implements CallSignal {
  aborted = false;
  reason: unknown;
  readonly #timer: NodeJS.Timeout;
  readonly #given: AbortSignal | undefined;
  readonly #onGiven: (() => void) | undefined;
  /** Nearly always one: an array that grows has room for many. */
  #listeners: readonly (() => void)[] = NONE;

  constructor(timeoutMs: number, given: AbortSignal | undefined) {
    this.#timer = setTimeout(late, Math.max(1, Math.ceil(timeoutMs)), this);
    if (given === undefined) return;
    this.#given = given;
    this.#onGiven = () => this.abort(given.reason);
    given.addEventListener("abort", this.#onGiven);
    if (given.aborted) this.#onGiven();
  }

  addEventListener(_: "abort", listener: () => void): void {
    this.#listeners = this.#listeners.length === 0 ? [listener] : [...this.#listeners, listener];
  }

  removeEventListener(_: "abort", listener: () => void): void {
    this.#listeners = this.#listeners.filter((one) => one !== listener);
  }

  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.#listeners) listener();
  }

  end(): void {
    clearTimeout(this.#timer);
    if (this.#onGiven !== undefined) this.#given?.removeEventListener("abort", this.#onGiven);
  }
}

function late(deadline: CallDeadline): void {
  deadline.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
}
