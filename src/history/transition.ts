// A transition of a task as it is kept and shown. Pure.
/** A step of a task from one state to another, as it is kept and shown; an entry of `/api/transitions`. */
export interface Transition {
  transaction: string;
  task: string;
  sequence: number;
  from: string;
  to: string;
  event: string;
  cause?: string | undefined;
  reason?: string | undefined;
  run: number;
  pid?: number | undefined;
  code?: number | undefined;
  signal?: string | undefined;
  time: string;
}

/** Without what a provider knows besides. */
export function transitionOf({ transaction, task, sequence, from, to, event, ...rest }: Transition): Transition {
  const { cause, reason, run, pid, code, signal, time } = rest;
  return { transaction, task, sequence, from, to, event, cause, reason, run, pid, code, signal, time };
}
