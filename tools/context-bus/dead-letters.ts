// Dead letters: events that a group has given up. Lists and shows them, gives them to their groups again, or removes them.
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import type { DeadLetter, EventBus } from "../../src/messaging/index.ts";
import type { Json } from "../../src/protocol/json.ts";
import { columns } from "../columns.ts";
import { answer, answerJson, EXIT, say } from "../print.ts";
import { connectBus, type Place } from "./connection.ts";
import { printable } from "./printable.ts";

export async function listDead(place: Place, filter: { event?: string; group?: string }): Promise<number> {
  await using bus = await connectBus(place);
  const letters = await bus.operations.deadLetters(filter);
  if (place.json) answerJson(letters);
  else if (letters.length === 0) answer("no dead letters");
  else answer(columns(["ID", "EVENT", "GROUP", "REASON", "ATTEMPTS", "LAST", "ERROR"], letters.map(cellsOf)));
  return EXIT.done;
}

function cellsOf({ id, event, group, reason, attempts, last_at: last, error }: DeadLetter): string[] {
  return [id, event, group, reason, `${attempts}`, timeOf(last), printable(`${error.name}: ${error.message}`)];
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

export async function showDead(place: Place, id: string): Promise<number> {
  await using bus = await connectBus(place);
  const found = await bus.operations.deadLetter(id);
  if (found === undefined) throw unknown([id]);
  const { body: bytes, ...letter } = found;
  const body = await bodyOf(bus, bytes);
  if (place.json) answerJson({ ...letter, body });
  else for (const line of linesOf(letter, body)) answer(line);
  return EXIT.done;
}

/** The event, or what came in place of one. */
async function bodyOf(bus: EventBus, bytes: Buffer): Promise<Json> {
  try {
    return await bus.readBody(bytes);
  } catch (error) {
    say(`warning: its event can't be read: ${reasonOf(error)}`);
    return bytes.toString();
  }
}

function linesOf({ error, first_at: first, last_at: last, ...letter }: DeadLetter, body: Json): string[] {
  const facts = { ...letter, first_at: timeOf(first), last_at: timeOf(last), error: `${error.name}: ${error.message}` };
  return [
    ...Object.entries(facts).map(([name, value]) => `${name.padEnd(9)}${printable(String(value))}`),
    // Its first lines repeat the message.
    ...(error.stack ?? "")
      .split("\n")
      .filter((line) => /^\s+at /.test(line))
      .map(printable),
    ...JSON.stringify(body, null, 2).split("\n").map(printable),
  ];
}

export async function replayDead(place: Place, ids: readonly string[], { all }: { all?: true }): Promise<number> {
  assertChosen(ids, all, "replay");
  await using bus = await connectBus(place);
  const chosen = await chosenOf(bus, ids);
  return report("replayed", chosen, await bus.operations.replay(chosen), place);
}

export async function discardDead(
  place: Place,
  ids: readonly string[],
  { all, yes }: { all?: true; yes?: true },
): Promise<number> {
  assertChosen(ids, all, "discard");
  await using bus = await connectBus(place);
  const chosen = await chosenOf(bus, ids);
  const mustAsk = all && !yes && process.stdin.isTTY && process.stderr.isTTY;
  if (mustAsk && chosen.length > 0 && !(await isConfirmed(chosen.length))) {
    say("nothing was discarded");
    return EXIT.failed;
  }
  return report("discarded", chosen, await bus.operations.discard(chosen), place);
}

async function isConfirmed(count: number): Promise<boolean> {
  const { confirm } = await import("@clack/prompts");
  const message = `Discard ${count} dead letter${count === 1 ? "" : "s"} for good?`;
  return (await confirm({ message, initialValue: false, output: process.stderr })) === true;
}

function assertChosen(ids: readonly string[], all: true | undefined, command: string): void {
  if (ids.length > 0 === (all === undefined)) return;
  const problem = all ? "--all and ids don't go together" : "no dead letter is named";
  throw new ZcontextError("ERR_USAGE", `dead ${command}: ${problem}: expected ids, or --all`, {
    hint: "`context-bus dead list` prints the ids.",
  });
}

/** The ids that are given, or all there are. One that does not exist is a mistake: nothing is done then. */
async function chosenOf(bus: EventBus, ids: readonly string[]): Promise<string[]> {
  const known = (await bus.operations.deadLetters({})).map(({ id }) => id);
  const missing = ids.filter((id) => !known.includes(id));
  if (missing.length > 0) throw unknown(missing);
  return ids.length === 0 ? known : [...new Set(ids)];
}

function report(done: "replayed" | "discarded", ids: readonly string[], count: number, { json }: Place): number {
  if (json) answerJson({ [done]: count, ids });
  else answer(`${done} ${count}`);
  if (count === ids.length) return EXIT.done;
  say(`warning: ${ids.length - count} of them were gone in the meantime`);
  return EXIT.partly;
}

function unknown(ids: readonly string[]): ZcontextError {
  return new ZcontextError("ERR_LETTER_UNKNOWN", `no dead letter has the id ${ids.join(", ")}; nothing was changed`, {
    hint: "`context-bus dead list` prints the ids of those there are.",
  });
}
