/** Timers by name: arming one that is armed begins it anew. */
export interface Timers<Name extends string> {
  arm(name: Name, delayMs: number, onDue: () => void): void;
  disarm(name: Name): void;
}

export function createTimers<Name extends string>(): Timers<Name> {
  const armed = new Map<Name, NodeJS.Timeout>();

  function disarm(name: Name): void {
    clearTimeout(armed.get(name));
    armed.delete(name);
  }

  return {
    arm(name, delayMs, onDue) {
      disarm(name);
      armed.set(name, setTimeout(onDue, delayMs));
    },
    disarm,
  };
}
