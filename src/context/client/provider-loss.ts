// Finds out whether a provider is still there. The presence of a provider on this machine says so at once, and names its
// pid; of any other provider only its forwarder can be tried.
import { ZcontextError } from "../../errors.ts";
import { connectOutbox } from "../../link/link.ts";
import type { Presence } from "../../presence/answer.ts";
import { findPresence } from "../../presence/search.ts";
import type { Endpoints } from "../../protocol/endpoints.ts";

/** How long a forwarder may be away before its provider counts as gone as well, in milliseconds. */
const AWAY_MS = 3_000;

export interface ProviderWatch {
  /** Whether a provider on this machine has said that it is at the endpoints: its end is then seen at once. */
  isKnown: boolean;
  /** A clause that says how the provider was lost; undefined while it is there. */
  findLoss(): Promise<string | undefined>;
}

/**
 * Notes which provider is at the endpoints.
 *
 * @param contextFile - The file that the provider runs on this machine, where that is known.
 */
export async function watchProvider(endpoints: Endpoints, contextFile: string | undefined): Promise<ProviderWatch> {
  const known = contextFile === undefined ? undefined : await providerAt(endpoints, contextFile);
  if (contextFile === undefined || known === undefined)
    return {
      isKnown: false,
      findLoss: async () => ((await isForwarderThere(endpoints)) ? undefined : "the provider is gone"),
    };
  const { pid, instance } = known;
  const findLoss = async () => {
    const presence = await presenceOf(contextFile);
    if (presence === undefined) return `the provider (pid ${pid}) is gone`;
    if (presence === "silent" || presence.instance === instance) return undefined;
    return `the provider (pid ${pid}) is gone, and another one (pid ${presence.pid}) has taken its place`;
  };
  return { isKnown: true, findLoss };
}

/** The error of a command or question whose provider is gone. */
export function providerGone(what: string): ZcontextError {
  return new ZcontextError("ERR_PROVIDER_GONE", what, {
    hint: "Look at its log. A provider that was killed resumes what it was running when it is started again.",
  });
}

// Another provider than the one at these endpoints may run the file, or none on this machine.
async function providerAt({ publish }: Endpoints, contextFile: string): Promise<Presence | undefined> {
  const presence = await presenceOf(contextFile);
  if (presence === undefined || presence === "silent") return undefined;
  return presence.endpoints?.publish === publish ? presence : undefined;
}

function presenceOf(contextFile: string): Promise<Presence | undefined | "silent"> {
  return findPresence(contextFile).catch(() => "silent" as const);
}

async function isForwarderThere({ publish }: Endpoints): Promise<boolean> {
  try {
    await (await connectOutbox(publish, { timeoutMs: AWAY_MS })).close();
    return true;
  } catch {
    return false;
  }
}
