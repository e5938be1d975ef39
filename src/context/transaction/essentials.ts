// Essential tasks: notes those that have moved, and once all has happened that follows from it, reports those whose end
// nobody has asked for.
import type { SupervisedTask } from "../task/task-contract.ts";

export interface Essentials {
  moved(supervised: SupervisedTask): void;
  report(): void;
}

export function createEssentials(onEnd: (supervised: SupervisedTask) => void): Essentials {
  const changed = new Set<SupervisedTask>();
  return {
    moved(supervised) {
      if (supervised.task.supervision.essential) changed.add(supervised);
    },
    report() {
      for (const supervised of changed) {
        const { state, life } = supervised.standing;
        changed.delete(supervised);
        if ((state === "failed" || state === "exited") && !life.requested) onEnd(supervised);
      }
    },
  };
}
