// What a caller may give up while it is carried out. Pure.

export abstract class Abortable {
  #controller: AbortController | undefined;
  #abortion: { reason: unknown } | undefined;

  /** Made when it is first asked for: most methods never do. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#abortion !== undefined) this.#controller.abort(this.#abortion.reason);
    return this.#controller.signal;
  }

  abort(reason?: unknown): void {
    this.#abortion ??= { reason };
    this.#controller?.abort(reason);
  }
}
