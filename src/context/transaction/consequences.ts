// What follows from the events of a transaction, carried out once the event is done with and its announcement is out.

export interface Consequences {
  readonly isEmpty: boolean;
  add(consequence: () => void): void;
  /** Carries out now what is waiting: an order must find the consequences of all that came before it in place. */
  carryOut(): void;
  /** Carries out what is waiting, and settles, after the present turn of the event loop. */
  schedule(): void;
}

/** @param options.settle - Looks at what is left, after each turn. */
export function createConsequences({ advance, settle }: { advance(): void; settle(): void }): Consequences {
  const waiting: (() => void)[] = [];
  let isScheduled = false;

  function carryOut(): void {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next();
  }

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(() => {
      try {
        carryOut();
        advance();
      } finally {
        isScheduled = false;
      }
      settle();
    });
  }

  return {
    get isEmpty() {
      return waiting.length === 0;
    },
    add(consequence) {
      waiting.push(consequence);
      schedule();
    },
    carryOut,
    schedule,
  };
}
