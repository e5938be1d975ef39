// Queues within this process. A message waits until a consumer of its queue is free, and is given to one of them.
import { ZcontextError } from "../../../errors.ts";
import type { Json } from "../../../protocol/json.ts";
import { Consumer } from "../../contract/consumer.ts";
import { count } from "../../contract/figures.ts";
import type { Handler } from "../../contract/handler.ts";
import { Producer } from "../../contract/producer.ts";

interface Queue {
  /** As JSON, so that both sides share nothing. */
  waiting: string[];
  takers: Set<Taker>;
}

/** A consumer, and how many messages it can take now. */
interface Taker {
  free: number;
  take(text: string): void;
}

const NAME = "AsyncIOHandler";
const MOST_WAITING = 10_000;
const queues = new Map<string, Queue>();

function queueOf(name: string): Queue {
  const queue = queues.get(name) ?? { waiting: [], takers: new Set() };
  queues.set(name, queue);
  return queue;
}

function distribute(queue: Queue): void {
  for (const taker of queue.takers)
    while (taker.free > 0 && queue.waiting.length > 0) {
      taker.free -= 1;
      taker.take(queue.waiting.shift() ?? "null");
    }
}

export class InProcessProducer extends Producer {
  readonly protocol = NAME;

  protected async deliver(message: Json): Promise<void> {
    const queue = queueOf(this.queue);
    if (queue.waiting.length >= MOST_WAITING)
      throw new ZcontextError("ERR_OVERLOADED", `queue ${this.queue}: ${MOST_WAITING} messages wait already`, {
        hint: "Its consumer, in this process, is slower than its producers, or there is none.",
      });
    queue.waiting.push(JSON.stringify(message));
    distribute(queue);
  }
}

export class InProcessConsumer extends Consumer {
  readonly protocol = NAME;
  #taker: Taker | undefined;

  protected async start(handler: Handler): Promise<void> {
    const { queue: name, protocol } = this;
    const queue = queueOf(name);
    const taker: Taker = {
      free: this.options.concurrency ?? 1,
      take: (text) => {
        count(protocol, name, "accepted");
        const free = () => {
          taker.free += 1;
          distribute(queue);
        };
        void this.handle(handler, JSON.parse(text)).then(free, free);
      },
    };
    this.#taker = taker;
    queue.takers.add(taker);
    distribute(queue);
  }

  protected override async stop(): Promise<void> {
    if (this.#taker !== undefined) queueOf(this.queue).takers.delete(this.#taker);
  }
}
