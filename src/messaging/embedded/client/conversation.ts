// What a member says to the broker, and what that answers. While no broker has let the member in, statements are left out and
// questions wait; the next broker hears the questions again that may be repeated.
import { deferred } from "../../../deferred.ts";
import type { ZcontextError } from "../../../errors.ts";
import type { Batch, Hello, Item, ToBroker } from "../operations.ts";
import { createBatcher } from "./batcher.ts";
import { type Asker, createQuestions, type Question, type Reply } from "./questions.ts";

export interface Conversation {
  /** The broker has let this member in. */
  readonly isWelcome: boolean;
  /** A number for a question. */
  nextN(): number;
  /** The number of the batch that is said next. */
  readonly nextBatch: number;
  /** Says something that has no answer. */
  say(operation: ToBroker, body?: Buffer): void;
  /** Asks a question without a body. Rejects as `askWith` fails. */
  ask(operation: Question): Promise<Reply>;
  /** @param isRepeatable - Whether the next broker may be asked again. */
  askWith(question: Item<Question>, isRepeatable: boolean, asker: Asker): void;
  /** Whether a question waits for its answer. */
  isOpen(n: number): boolean;
  answer(reply: Reply): void;
  /** The broker has carried out this batch and those before it: their emits are stored and routed. */
  confirm(batch: number): void;
  /** Sends what was said, if anything was. */
  flush(): void;
  /** Shows that this member lives, where it has said nothing for so long. */
  beat(silentMs: number): void;
  /** Says the first word to a broker. */
  begin(hello: Hello): void;
  /** The broker has let this member in. @param inForce - Says what goes before the questions. */
  welcome(inForce: () => void): void;
  /** The broker can't be reached. */
  end(): void;
  /** Fails what was sent and can't be repeated. */
  failUnrepeatable(error: ZcontextError): void;
  /** Fails what has waited for too long. */
  failOld(error: ZcontextError): void;
  /** Says what is left, and fails what has no answer, also from now on. */
  close(error: ZcontextError): void;
}

const NOTHING: Buffer = Buffer.alloc(0);

/** @param nowMs - The monotonic clock. */
export function createConversation(send: (batch: Batch<ToBroker>) => void, nowMs: () => number): Conversation {
  const batcher = createBatcher(send, nowMs);
  const questions = createQuestions(nowMs);
  let isWelcome = false;
  let closed: ZcontextError | undefined;
  let lastN = 0;
  /** Emits that the number of their batch answers, in order. */
  let emitted: { batch: number; numbers: number[] }[] = [];

  function say(operation: ToBroker, body = NOTHING): void {
    if (isWelcome) batcher.add({ operation, body });
  }

  function sayQuestion(question: Item<Question>): void {
    if (!isWelcome) return;
    const { operation } = question;
    if (operation.op === "emit" && operation.requireRoute !== true) noteEmit(operation.n);
    questions.sent(operation.n);
    batcher.add(question);
  }

  function noteEmit(n: number): void {
    const last = emitted.at(-1);
    if (last?.batch === batcher.next) last.numbers.push(n);
    else emitted.push({ batch: batcher.next, numbers: [n] });
  }

  function askWith(question: Item<Question>, isRepeatable: boolean, asker: Asker): void {
    if (closed !== undefined) return asker.fail(closed);
    if (!questions.add(question, isRepeatable, asker)) return;
    sayQuestion(question);
    // Nothing else is under way that it could share a batch with.
    if (questions.size === 1) batcher.flush();
  }

  return {
    get isWelcome() {
      return isWelcome;
    },
    nextN() {
      lastN += 1;
      return lastN;
    },
    get nextBatch() {
      return batcher.next;
    },
    say,
    ask(operation) {
      const { promise, resolve, reject } = deferred<Reply>();
      askWith({ operation, body: NOTHING }, true, { answer: resolve, fail: reject });
      return promise;
    },
    askWith,
    isOpen: questions.has,
    answer: questions.answer,
    confirm(done) {
      const first = emitted.findIndex(({ batch }) => batch > done);
      for (const { numbers } of emitted.splice(0, first === -1 ? emitted.length : first))
        for (const n of numbers) questions.answer({ operation: { op: "done", n }, body: NOTHING });
    },
    flush: batcher.flush,
    beat(silentMs) {
      if (isWelcome && nowMs() - batcher.sentMs >= silentMs) batcher.send();
    },
    begin(hello) {
      isWelcome = false;
      batcher.clear();
      batcher.add({ operation: hello, body: NOTHING });
      batcher.send();
    },
    welcome(inForce) {
      isWelcome = true;
      emitted = [];
      inForce();
      for (const question of questions.open()) sayQuestion(question);
    },
    end() {
      isWelcome = false;
    },
    failUnrepeatable: questions.failUnrepeatable,
    failOld: questions.failOld,
    close(error) {
      closed = error;
      say({ op: "bye" });
      if (isWelcome) batcher.send();
      questions.failAll(error);
    },
  };
}
