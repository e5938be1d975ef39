// Decides what a signal that asks a provider to leave means: the first one is the request; another one is the same request
// if it comes within a moment, and later on means that every task is to end at once. Pure.

/** `leave`: in order. `again`: the same request once more. `hurry`: end every task at once. */
export type Meaning = "leave" | "again" | "hurry";

export interface LeaveRequests {
  /** The meaning of a signal that arrives now, whichever of them it is: a parent may pass on SIGINT as SIGTERM. */
  read(): Meaning;
}

/** @param afterMoment - Calls when the same request can't arrive any more, wherever it was passed on. */
export function createLeaveRequests(afterMoment: (call: () => void) => void): LeaveRequests {
  let next: Meaning = "leave";
  return {
    read() {
      const meaning = next;
      if (meaning === "leave") {
        next = "again";
        afterMoment(() => {
          next = "hurry";
        });
      }
      return meaning;
    },
  };
}
