// Ends what dead providers have left behind, without a grace period. A new provider sweeps what earlier ones of its context
// have left; the guard of a provider sweeps when that provider has died.
import type { Cookie } from "./cookie.ts";
import type { StuckProcess } from "./signaller.ts";
import type { ProcessIdentity } from "./stat.ts";
import { killGroup, type ProcessAccess, startTermination } from "./termination.ts";
import { leftoversOf, processesOfProvider } from "./tree.ts";

/** A process that another provider had left, and that has been ended. */
export interface Leftover {
  pid: number;
  name: string;
  provider: string;
}

export interface SweepOptions extends ProcessAccess {
  /** Called with the processes that are still alive when the sweep gives up. */
  onStuck?(stuck: StuckProcess[]): void;
}

const GIVE_UP_MS = 10_000;

/** Ends every process that another provider of this context has left, and returns them. Gives up after 10 s. */
export async function sweepLeftovers(
  owner: Pick<Cookie, "context" | "provider">,
  options: SweepOptions,
): Promise<Leftover[]> {
  const providers = new Map<number, string>();
  const { done } = startTermination({
    ...options,
    graceMs: 0,
    giveUpMs: GIVE_UP_MS,
    findTargets(entries) {
      const leftovers = leftoversOf(entries, owner);
      for (const { process, provider } of leftovers) providers.set(process.pid, provider);
      return leftovers.map(({ process }) => process);
    },
  });
  return (await done).map(({ pid, name }) => ({ pid, name, provider: providers.get(pid) ?? "" }));
}

/** A provider that has died, and the processes that led its tasks. */
export interface DeadProvider {
  provider: string;
  leaders: readonly ProcessIdentity[];
}

/** Ends every process of a dead provider: those with its cookie, and those of its leaders. Gives up after 10 s. */
export async function sweepProvider(dead: DeadProvider, options: SweepOptions): Promise<void> {
  if (!options.table.isAvailable) {
    for (const { pid } of dead.leaders) killGroup(pid, options.signal);
    return;
  }
  const { done } = startTermination({
    ...options,
    graceMs: 0,
    giveUpMs: GIVE_UP_MS,
    findTargets: (entries) => processesOfProvider(entries, dead),
  });
  await done;
}
