// Ends what providers that are gone have left behind: as a new provider of the context, or in the place of one that has
// just died. Nobody gets a grace period.
import type { Cookie } from "./cookie.ts";
import type { ProcessIdentity } from "./stat.ts";
import { killGroup, type Means, pursue, type Survivor } from "./termination.ts";
import { leftoversOf, wardsOf } from "./tree.ts";

/** A process that was left by another provider, and has been ended. */
export interface Leftover {
  pid: number;
  name: string;
  provider: string;
}

export interface SweepOptions extends Means {
  /** Who is still there when the sweep is given up. */
  onStuck?(survivors: Survivor[]): void;
}

/** When a sweep is given up. */
const BOUND_MS = 10_000;

/** Ends every process that another provider of this context has left, and answers whom. Gives up after 10 s. */
export async function sweepLeftovers(
  whose: Pick<Cookie, "context" | "provider">,
  options: SweepOptions,
): Promise<Leftover[]> {
  const providers = new Map<number, string>();
  const { done } = pursue({
    ...options,
    graceMs: 0,
    boundMs: BOUND_MS,
    findTargets(entries) {
      const leftovers = leftoversOf(entries, whose);
      for (const { process, provider } of leftovers) providers.set(process.pid, provider);
      return leftovers.map(({ process }) => process);
    },
  });
  return (await done).map(({ pid, name }) => ({ pid, name, provider: providers.get(pid) ?? "" }));
}

/** Ends every process of a provider that has died: those with its cookie, and those of its leaders. Gives up after 10 s. */
export async function sweepAfter(
  dead: { provider: string; leaders: readonly ProcessIdentity[] },
  options: SweepOptions,
): Promise<void> {
  if (options.table.isAvailable) {
    const findTargets = (entries: Parameters<typeof wardsOf>[0]) => wardsOf(entries, dead);
    await pursue({ ...options, graceMs: 0, boundMs: BOUND_MS, findTargets }).done;
    return;
  }
  for (const { pid } of dead.leaders) killGroup(pid, options.signal);
}
