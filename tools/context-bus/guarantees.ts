// What messages are promised, on every engine. docs/messaging.md has the same table; a test compares them.
import { engineUrl } from "../../src/messaging/connect.ts";
import { findContext } from "../context-file.ts";
import { answer, answerJson, EXIT, say } from "../print.ts";
import { connectBus, type Place, placeOf } from "./connection.ts";
import { type Edge, edgesOf, keepingOf } from "./edges.ts";
import { printable } from "./printable.ts";
import { readSenders } from "./senders.ts";

/** Each: what it is about, and what you can rely on. */
export const GUARANTEES: readonly { promise: string; holds: string }[] = [
  {
    promise: "ready",
    holds: "Once `listen`, `subscribe` or `serve` has resolved, what is sent from then on arrives.",
  },
  {
    promise: "first event",
    holds:
      "An event that no group has ever wanted is held for 10 s and given to the first group that listens. Its receipt says `routed: false`. With `requireRoute`, `emit` waits for a group, and rejects when none comes.",
  },
  {
    promise: "groups",
    holds:
      "Each group gets each event. Within a group, one member has it at a time; it is given twice only if a process died, or its handler failed or was blocked.",
  },
  {
    promise: "death of a member",
    holds:
      "The events of a process that ends go to another member at once, as a further attempt. A slow handler keeps its event while its event loop turns; a loop that is blocked for 30 s loses it.",
  },
  {
    promise: "retries",
    holds:
      "A handler that throws is called again, 5 more times by default, after waits that grow from 0.2 s to 30 s. `reject({ delayMs })` comes back no earlier than that.",
  },
  {
    promise: "dead letters",
    holds:
      "What can't succeed, or has failed too often, is kept with its reason and error, for 7 days and up to 10,000. It can be listed, shown, replayed and discarded.",
  },
  {
    promise: "flow",
    holds:
      "A member has 16 events at a time by default. A slow group holds up no other one. A queue has a bound, 100,000 events or 256 MiB; beyond it `emit` rejects with `ERR_OVERLOADED`, and nothing is dropped.",
  },
  {
    promise: "receipt",
    holds:
      "`emit` resolves when the event is stored, and says how: `memory`, `file` (survives the death of any process) or `sync` (survives a power cut).",
  },
  {
    promise: "calls",
    holds:
      "A call has a deadline, 10 s by default, which calls made while it is served inherit. It gets one result or one error. It is sent a second time only if it is `idempotent`, and the least busy instance gets it.",
  },
  {
    promise: "absent services",
    holds:
      "A call of a service that does not exist fails at once, one of a service that is starting waits. If the instance dies, the caller hears `ERR_SERVICE_LOST` within a second, and `executed` says whether the method may have run.",
  },
  {
    promise: "signals",
    holds:
      "A signal reaches the subscribers of that moment, at most once. Subscribers count what they receive and what they have lost: together that is what was published.",
  },
  {
    promise: "errors",
    holds:
      "An error keeps its code, message, details and whether a repetition may help. Its stack crosses the wire only where the service allows it.",
  },
  {
    promise: "large messages",
    holds:
      "A body of more than 1 MiB is stored, and its token travels; handlers see the body. If it is no longer there, that is a dead letter or an error.",
  },
  {
    promise: "broker away",
    holds:
      "A broker that dies or hangs is replaced. Programs connect again by themselves and keep what they handle; what is emitted meanwhile waits, for 30 s at most.",
  },
  {
    promise: "leaving",
    holds:
      "A service that is told to stop settles the events that it has, or gives them back, within its grace period.",
  },
  {
    promise: "unfit",
    holds: "What an engine can't do is refused with `ERR_ENGINE_UNFIT`, and never dropped in silence.",
  },
];

/** Without a context, what holds everywhere; else what holds for each edge of it. */
export async function printGuarantees(place: Place): Promise<number> {
  if (place.context_file !== undefined || place.url !== undefined) return printEdges(place);
  if (place.json) answerJson(GUARANTEES);
  else for (const { promise, holds } of GUARANTEES) answer(`${promise}\n  ${holds}`);
  return EXIT.done;
}

async function printEdges(place: Place): Promise<number> {
  await using bus = await connectBus(place);
  const url = await engineUrl(await placeOf(place));
  const known = place.context_file === undefined ? undefined : await findContext(place.context_file);
  const keeping = keepingOf(url, known?.config?.messaging.durability ?? "file", known?.presence?.bus?.dialect);
  const endpoints = known?.presence?.endpoints;
  const [queues, services, seen] = await Promise.all([
    bus.operations.queues(),
    bus.operations.services(),
    known && endpoints && readSenders(endpoints, known.file),
  ]);
  const edges = edgesOf(keeping, queues, services, seen);
  if (place.json) answerJson({ ...keeping, edges });
  else if (edges.length === 0) answer("no group listens, and no service serves methods");
  else for (const edge of edges) for (const line of linesOf(edge)) answer(printable(line));
  if (seen === undefined) say("who sends is not known: that is told by a provider whose context runs");
  return EXIT.done;
}

function linesOf({ kind, name, from = [], to, members, promise, lost }: Edge): string[] {
  const sent = from.length === 0 ? name : `${name} from ${from.join(", ")}`;
  const taken = { event: `-> ${to}, members: ${members}`, call: `-> ${to}, instances: ${members}`, signal: `-> ${to}` };
  const who = `${sent} ${to === "" ? "-> nobody" : taken[kind]}`;
  return [`${who}: ${promise}`, ...Object.entries(lost).map(([failure, what]) => `  ${failure}: ${what}`)];
}
