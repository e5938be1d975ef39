// Prints messages as they pass, until a signal comes. The broker never waits for it: what is not read in time is lost, and
// counted.
import { once } from "node:events";
import { ZcontextError } from "../../src/errors.ts";
import type { EventBus, TapFilter, TappedMessage } from "../../src/messaging/index.ts";
import type { Json } from "../../src/protocol/json.ts";
import { leaveRequest } from "../leaving.ts";
import { answer, answerJson, EXIT, say } from "../print.ts";
import { type Place, stayConnected } from "./connection.ts";
import { printable, shortened } from "./printable.ts";

export interface TapOptions {
  event?: string;
  topic?: string;
  kind?: "event" | "signal" | "call";
}

/** How much of a body a person sees, in characters. */
const SHOWN = 1_000;

export async function tap(place: Place, options: TapOptions): Promise<number> {
  const filter = filterOf(options);
  const { signal: left } = leaveRequest();
  await stayConnected(place, left, async (bus, gone) => {
    await watch(bus, filter, left, place);
    if (!gone.aborted) await once(gone, "abort");
  });
  return EXIT.done;
}

/**
 * What the options ask for: without any, everything.
 *
 * @throws {ZcontextError} `ERR_USAGE` where they contradict each other.
 */
export function filterOf({ event, topic, kind }: TapOptions): TapFilter {
  const given = { event, signal: topic };
  for (const [of, value] of Object.entries(given))
    if (value !== undefined && kind !== undefined && kind !== of)
      throw new ZcontextError(
        "ERR_USAGE",
        `--${of === "signal" ? "topic" : "event"} ${value} is of kind ${of}, and --kind says ${kind}`,
      );
  const isAll = event === undefined && topic === undefined && kind === undefined;
  return {
    events: event !== undefined ? [event] : isAll || kind === "event" ? ["*"] : [],
    calls: isAll || kind === "call" ? ["*"] : [],
    signals: topic !== undefined ? [topic] : isAll || kind === "signal" ? ["*"] : [],
  };
}

async function watch(bus: EventBus, filter: TapFilter, left: AbortSignal, place: Place): Promise<void> {
  await bus.operations.tap(filter, {
    async onMessage(message) {
      print(message, place);
      // What can't be read any more is not waited for.
      if (process.stdout.writableNeedDrain && !left.aborted)
        await once(process.stdout, "drain", { signal: left }).catch(() => {});
    },
    onMissed(copies) {
      if (copies === undefined) say("the broker was replaced; what passed meanwhile is not shown");
      else say(`${copies} messages are not shown: they passed faster than they were read`);
    },
  });
  say("watching; Ctrl-C ends it");
}

function print({ kind, name, envelope, body: bytes }: TappedMessage, { json }: Place): void {
  const { src: source, sent } = envelope;
  const time = new Date(sent).toISOString();
  const size = bytes.length;
  const body = jsonOf(bytes);
  if (json) return answerJson({ time, kind, name, source, size, body });
  answer(
    `${time}  ${kind.padEnd(6)}  ${printable(name)}  from ${printable(source)}  ${size} B  ${shortened(body, SHOWN)}`,
  );
}

/** A body as it travels: JSON, which stands for another one where that is large, or else text. */
function jsonOf(bytes: Buffer): Json {
  const text = bytes.toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
