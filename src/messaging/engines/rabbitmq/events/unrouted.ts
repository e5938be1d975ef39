// Counts the events that no group has ever wanted, once the time is over for which they were held.
import type { FiguresOfMember } from "../../../remote/member-figures.ts";
import { HOLD_MS } from "../server/topology.ts";

export interface Unrouted {
  /** An event of this name is held for the first group that listens. */
  add(event: string): void;
  close(): void;
}

/** @param isWanted - Whether a group listens to events of this name by now. */
export function createUnrouted(
  isWanted: (event: string) => Promise<boolean>,
  figures: Pick<FiguresOfMember, "unrouted">,
): Unrouted {
  const held = new Map<string, { count: number; timer: NodeJS.Timeout }>();

  async function decide(event: string): Promise<void> {
    const { count = 0 } = held.get(event) ?? {};
    held.delete(event);
    if (await isWanted(event)) return;
    for (let n = 0; n < count; n += 1) figures.unrouted(event);
  }

  return {
    add(event) {
      const before = held.get(event);
      if (before !== undefined) before.count += 1;
      else held.set(event, { count: 1, timer: setTimeout(() => decide(event).catch(() => {}), HOLD_MS).unref() });
    },
    close() {
      for (const { timer } of held.values()) clearTimeout(timer);
      held.clear();
    },
  };
}
