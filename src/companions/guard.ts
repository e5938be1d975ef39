// The guard of a provider: ends the provider's tasks when the provider has died without doing so. It runs in the
// forwarder process, which survives the provider: a child of its own would be one more process per provider.
import { FORWARDER_RUN, readCookie } from "../processes/cookie.ts";
import type { ProcessIdentity } from "../processes/stat.ts";
import { sweepProvider } from "../processes/sweep.ts";
import { createProcessTable } from "../processes/table.ts";

export interface Guard {
  /** Adds a task, by the process that leads its group and session. */
  add(leader: ProcessIdentity): void;
  /** Removes a task of which no process is left. */
  remove(pid: number): void;
  /** Ends every process of the provider: those of the tasks added, and all others that carry the provider's cookie. */
  sweep(): Promise<void>;
}

/** @param cookie - Of this process, as its environment has it; it names the provider. */
export function createGuard(cookie: string | undefined): Guard {
  const owner = readCookie(cookie ?? "");
  const leaders = new Map<number, ProcessIdentity>();

  return {
    add: (leader) => void leaders.set(leader.pid, leader),
    remove: (pid) => void leaders.delete(pid),
    async sweep() {
      // The cookie of a task was inherited: our provider has none, and the one that it names is another's.
      if (owner?.run !== FORWARDER_RUN) return;
      const dead = { provider: owner.provider, leaders: [...leaders.values()] };
      await sweepProvider(dead, { table: createProcessTable() });
    },
  };
}
