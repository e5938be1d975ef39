/** Things to close, in the reverse order of their opening; `AsyncDisposableStack`, which Node 20 does not have. */
export interface ClosingStack {
  add<T extends AsyncDisposable>(thing: T): T;
  close(): Promise<void>;
}

export function createClosingStack(): ClosingStack {
  const things: AsyncDisposable[] = [];

  async function close(): Promise<void> {
    const thing = things.pop();
    if (thing === undefined) return;
    // One that does not close must not keep the others open.
    await Promise.resolve(thing[Symbol.asyncDispose]()).finally(close);
  }

  return {
    add(thing) {
      things.push(thing);
      return thing;
    },
    close,
  };
}
