// What the live table shows and does beside what the provider publishes: the log of the chosen task, why it stands where it
// does, the dead letters, and orders. Where only the endpoint of listeners is known, it says what is not available.
import { connectContext } from "../../src/context/client/client.ts";
import { logsFolderOf } from "../../src/context/journal/state-files.ts";
import { ZcontextError } from "../../src/errors.ts";
import type { EventBus } from "../../src/messaging/index.ts";
import { findPresence } from "../../src/presence/search.ts";
import { assertRuns, endpointsOf, findContext } from "../context-file.ts";
import { connectForLetters, openLetter } from "../dead-letters.ts";
import { findTarget, type Target } from "../kept/target.ts";
import { readWhy } from "../kept/why.ts";
import { generateTransaction } from "../transaction-id.ts";
import type { DeskFacts } from "./desk-lines.ts";
import type { Model } from "./model.ts";
import { type Order, wordsOf } from "./orders.ts";
import { createReading } from "./reading.ts";
import { createTaskLog } from "./task-log.ts";
import { chosenRow, shownRows, type View } from "./view.ts";

export interface Desk extends Disposable {
  readonly facts: DeskFacts;
  /** Reads what the view shows and is not known, or has changed. */
  look(view: View, model: Model): void;
  carryOut(order: Order): void;
  /** What was said of the last order has been read. */
  forget(): void;
}

const MOST_LETTERS = 500;

/** @param file - The context file; undefined where only an endpoint is known. */
export function createDesk(file: string | undefined, onChange: () => void): Desk {
  let said: DeskFacts["said"];
  let busy: Promise<unknown> = Promise.resolve();

  const log = createTaskLog(async () => logsFolderOf((await target()).state), onChange);
  const why = createReading(async (of: { task: string; transaction: string }) => {
    const { state, presence } = await target();
    return readWhy(state, { ...of, isProviderThere: presence !== undefined });
  }, onChange);
  const list = createReading(async () => {
    const letters = await withBus((bus) => bus.operations.deadLetters({}));
    return letters.slice(-MOST_LETTERS).reverse();
  }, onChange);
  const letter = createReading((id: string) => withBus((bus) => openLetter(bus, id)), onChange);

  function here(): string {
    if (file !== undefined) return file;
    throw new ZcontextError(
      "ERR_USAGE",
      "not available with --endpoint: give --context_file, on the provider's machine",
    );
  }

  async function target(): Promise<Target> {
    return findTarget({ context_file: here() });
  }

  // Connected for each request: the provider may be another one by the next.
  async function withBus<T>(use: (bus: EventBus) => Promise<T>): Promise<T> {
    const place = (await findPresence(here()))?.bus;
    if (place === undefined) throw new ZcontextError("ERR_ENGINE_UNREACHABLE", "the provider is away");
    await using bus = await connectForLetters(place, `/context-monitor/${process.pid}`);
    return await use(bus);
  }

  function say(text: string, isBad = false): void {
    said = { text, isBad };
    onChange();
  }

  async function orderTask(order: Exclude<Order, { kind: "letter" }>): Promise<string> {
    const context = await findContext(here());
    const endpoints = endpointsOf(context);
    await using client = await connectContext(endpoints, { contextFile: context.file });
    if (context.presence?.endpoints === undefined)
      await assertRuns(await client.fileClaim(), context.file, endpoints.publish);
    // The provider takes the tasks from the file as it has read it.
    const [transaction, configuration] =
      order.kind === "begin" ? [generateTransaction(), {}] : [order.transaction, { TaskService: [{ id: order.task }] }];
    const action = order.kind === "begin" ? "start" : order.action;
    const { orders } = await client.command({ action, transaction, configuration, onlyIfIdle: order.kind === "begin" });
    const told = [...orders].map(([task, what]) => `${what} ${task}`).join(", ");
    return told === "" ? `${wordsOf(order)}: there is nothing to do` : `accepted: ${told}`;
  }

  async function orderLetter({ action, id, event, group }: Extract<Order, { kind: "letter" }>): Promise<string> {
    const count = await withBus(({ operations }) => operations[action]([id]));
    return count === 0
      ? `${event} of group ${group} is no dead letter any more`
      : wordsOf({ kind: "letter", action, id, event, group });
  }

  return {
    get facts() {
      return { log: log.now, why: why.now, letters: list.now, letter: letter.now, said };
    },
    look(view, model) {
      const row = chosenRow(shownRows(model.rows.values(), view), view) ?? model.rows.get(view.selected ?? "");
      const hasLog = ["table", "filtering", "log", "searching"].includes(view.mode);
      if (hasLog) log.choose(row && { transaction: row.transaction, task: row.id });
      if (view.mode === "why" && row !== undefined)
        why.ask(
          { task: row.id, transaction: row.transaction },
          { subject: row.key, version: JSON.stringify(row.transitions.at(-1) ?? row.state) },
        );
      const dead = model.bus?.queues.reduce((sum, queue) => sum + queue.dead, 0);
      const isOfLetters = view.mode === "letters" || view.mode === "letter";
      // Where nobody has needed the broker, asking it would start it.
      if (isOfLetters && model.bus !== undefined) list.ask(undefined, { subject: "", version: `${dead}` });
      if (view.mode === "letter" && view.letter !== undefined)
        letter.ask(view.letter, { subject: view.letter, version: "" });
    },
    carryOut(order) {
      say(`${wordsOf(order)}: sent`);
      // One after the other: a restart after a stop must not overtake it.
      busy = busy
        .then(() => (order.kind === "letter" ? orderLetter(order) : orderTask(order)))
        .then(
          (told) => say(told),
          (error: unknown) => say(faultOf(error), true),
        );
    },
    forget() {
      said = undefined;
    },
    [Symbol.dispose]: log.close,
  };
}

function faultOf(error: unknown): string {
  if (error instanceof ZcontextError) return `${error.message} (${error.code})`;
  return error instanceof Error ? error.message : String(error);
}
