// What a member has asked the broker and has no answer to: bounded by number, bytes and time, and asked again of the next
// broker where that is harmless.
import { type ErrorCode, ZcontextError } from "../../../errors.ts";
import { createNumberMap } from "../../../number-map.ts";
import type { FromBroker, Item, ToBroker } from "../operations.ts";

/** An operation that is answered by number. */
export type Question = Extract<ToBroker, { n: number }>;
/** An answer to one, with the body that came with it. */
export type Reply = Item<Extract<FromBroker, { n: number }>>;

/** Who waits for an answer, and gets one of both, once. */
export interface Asker {
  answer(reply: Reply): void;
  fail(error: ZcontextError): void;
}

export interface Questions {
  /**
   * Adds a question. It fails with what the broker says where it has failed, and at once with `ERR_OVERLOADED` above 10,000
   * questions or 64 MiB.
   *
   * @param isRepeatable - Whether the next broker may be asked again.
   * @returns Whether it waits for its answer.
   */
  add(question: Item<Question>, isRepeatable: boolean, asker: Asker): boolean;
  /** It is on its way to a broker: from now on that may have carried it out. */
  sent(n: number): void;
  answer(reply: Reply): void;
  /** Whether a question waits for its answer. */
  has(n: number): boolean;
  /** How many wait. */
  readonly size: number;
  /** Fails those that were sent and can't be asked again. */
  failUnrepeatable(error: ZcontextError): void;
  /** Fails those that have waited for longer than 30 s. */
  failOld(error: ZcontextError): void;
  failAll(error: ZcontextError): void;
  /** All that wait and may be said, in their order. */
  open(): Item<Question>[];
}

const MAX_LENGTH = 10_000;
const MAX_BYTES = 64 * 2 ** 20;
const MAX_WAIT_MS = 30_000;

interface Open {
  n: number;
  /** Undefined for one that was sent and is never repeated: what it says would only wait for its answer in memory. */
  question: Item<Question> | undefined;
  bytes: number;
  isRepeatable: boolean;
  wasSent: boolean;
  sinceMs: number;
  asker: Asker;
}

/** @param nowMs - The monotonic clock. */
export function createQuestions(nowMs: () => number): Questions {
  const open = createNumberMap<Open>();
  let bytes = 0;

  function end(n: number): Asker | undefined {
    const one = open.delete(n);
    bytes -= one?.bytes ?? 0;
    return one?.asker;
  }

  function failWhere(test: (one: Open) => boolean, error: ZcontextError): void {
    for (const one of inOrder()) if (test(one)) end(one.n)?.fail(error);
  }

  const inOrder = () => open.values().sort((one, other) => one.n - other.n);

  return {
    add(question, isRepeatable, asker) {
      const length = bytesOf(question);
      if (open.size >= MAX_LENGTH || bytes + length > MAX_BYTES) {
        asker.fail(overloaded(open.size, bytes));
        return false;
      }
      const sinceMs = nowMs();
      const { n } = question.operation;
      open.set(n, { n, question, bytes: length, isRepeatable, wasSent: false, sinceMs, asker });
      bytes += length;
      return true;
    },
    sent(n) {
      const one = open.get(n);
      if (one === undefined) return;
      one.wasSent = true;
      if (!one.isRepeatable) one.question = undefined;
    },
    answer(reply) {
      const { operation } = reply;
      const asker = end(operation.n);
      if (operation.op === "failed") asker?.fail(new ZcontextError(operation.code as ErrorCode, operation.reason));
      else asker?.answer(reply);
    },
    has: (n) => open.get(n) !== undefined,
    get size() {
      return open.size;
    },
    failUnrepeatable: (error) => failWhere(({ isRepeatable, wasSent }) => wasSent && !isRepeatable, error),
    failOld: (error) => failWhere(({ sinceMs }) => nowMs() - sinceMs > MAX_WAIT_MS, error),
    failAll: (error) => failWhere(() => true, error),
    open: () => inOrder().flatMap(({ question }) => question ?? []),
  };
}

function overloaded(length: number, bytes: number): ZcontextError {
  return new ZcontextError("ERR_OVERLOADED", `${length} messages of ${bytes} bytes wait for the broker`, {
    hint: "Await what you emit, or emit fewer at a time.",
  });
}

function bytesOf({ operation, body }: Item<Question>): number {
  return "size" in operation ? operation.size : body.length;
}
