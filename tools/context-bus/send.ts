// Sends an event, a call or a signal.
import { text } from "node:stream/consumers";
import { CallError } from "../../src/messaging/contract/service-error.ts";
import type { EventBus } from "../../src/messaging/event-bus.ts";
import type { Json } from "../../src/protocol/json.ts";
import { readJson } from "../json-input.ts";
import { answer, answerJson, EXIT, paint, say } from "../print.ts";
import { connectBus, type Place } from "./connection.ts";
import { printable } from "./printable.ts";

/** In place of JSON: it comes on stdin. */
const STDIN = "-";

async function jsonOf(words: string, option: string): Promise<Json> {
  return readJson(words === STDIN ? await text(process.stdin) : words, option, "context-bus");
}

export async function emit(place: Place, name: string, options: { content: string; context: string }): Promise<number> {
  const content = await jsonOf(options.content, "--content");
  const context = readJson(options.context, "--context", "context-bus");
  await using bus = await connectBus(place);
  const receipt = await bus.emit(name, { content, context });
  if (place.json) answerJson(receipt);
  else answer(`${name} id=${receipt.id} stored=${receipt.stored} routed=${receipt.routed ? "yes" : "no"}`);
  if (!receipt.routed) say(`no group listens to ${name}; it is held for 10 s for one that does`);
  return EXIT.done;
}

export async function call(place: Place, name: string, options: { params: string; timeout: number }): Promise<number> {
  const params = await jsonOf(options.params, "--params");
  await using bus = await connectBus(place);
  try {
    const result = await bus.call(name, params, { timeoutMs: options.timeout * 1_000 });
    if (place.json) answerJson(result);
    else answer(JSON.stringify(result, null, 2).split("\n").map(printable).join("\n"));
    return EXIT.done;
  } catch (error) {
    if (error instanceof CallError) return await fail(error, bus, place);
    throw error;
  }
}

/** Prints what the caller has to know of a call that has failed. */
async function fail(error: CallError, bus: EventBus, { json }: Place): Promise<number> {
  const { code, message: reason, service, method, details, executed, retryable, remote } = error;
  if (json) {
    const about = { service, method, executed, retryable, ...(remote && { remote }) };
    answerJson({ result: "failure", code, reason, ...(details !== undefined && { details }), ...about });
  } else {
    say(`${paint("red", "error:")} ${printable(reason)} (${printable(code)})`);
    if (details !== undefined) say(`  details   ${printable(JSON.stringify(details))}`);
    say(`  executed  ${executed}`);
    if (code === "ERR_SERVICE_UNKNOWN") say(`${paint("cyan", "hint:")} ${await knownServices(bus)}`);
  }
  return code === "ERR_CALL_TIMEOUT" ? EXIT.late : EXIT.failed;
}

async function knownServices(bus: EventBus): Promise<string> {
  const known = (await bus.operations.services()).map(({ service, methods }) => `${service} (${methods.join(", ")})`);
  return known.length === 0 ? "No service serves methods here." : `Services with methods: ${known.join("; ")}.`;
}

export async function publish(place: Place, topic: string, options: { content: string }): Promise<number> {
  const content = await jsonOf(options.content, "--content");
  await using bus = await connectBus(place);
  bus.publish(topic, content);
  if (place.json) answerJson({ topic, result: "sent, not confirmed" });
  else answer(`${topic}: sent, not confirmed`);
  return EXIT.done;
}
