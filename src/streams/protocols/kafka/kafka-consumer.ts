// Consumes a topic of Kafka, as a member of the group of the same name. A message is committed once it is handled; one that
// can't be handled goes to the topic `<queue>.dead` after six attempts, so that it holds up its partition for seconds only.
import { setTimeout as pause } from "node:timers/promises";
import type { EachMessagePayload, Kafka, Consumer as KafkaClient, Producer as KafkaSender } from "kafkajs";
import { reasonOf } from "../../../errors.ts";
import { Consumer, type ConsumerOptions } from "../../contract/consumer.ts";
import { count } from "../../contract/figures.ts";
import type { Handler } from "../../contract/handler.ts";
import { createKafka, loadKafka, unreachable } from "./kafka-client.ts";
import type { KafkaOptions } from "./kafka-options.ts";

export interface KafkaConsumerOptions extends ConsumerOptions, KafkaOptions {
  /** A member that is silent for so long has lost its partitions, in milliseconds. Default 30_000. */
  sessionTimeoutMs?: number;
}

export interface KafkaConsuming {
  /** Messages of other keys are passed over. Default: all are handled. */
  key?: string;
}

const SESSION_MS = 30_000;
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 200;
/** How often what is handled is committed, in milliseconds. */
const COMMIT_MS = 1_000;
/** How often the broker hears that a handler still works, in milliseconds. */
const HEARTBEAT_MS = 3_000;
/** So many messages at most are handled again after a crash. */
const COMMIT_AFTER = 100;
/** How long the broker holds back an answer where there is no message; the first one is asked for before the offset is set. */
const LONGEST_WAIT_MS = 500;
/** How long the client may take to leave, in milliseconds. */
const LEAVE_MS = 5_000;

interface Connection {
  kafka: Kafka;
  consumer: KafkaClient;
  dead: KafkaSender;
}

export class KafkaConsumer extends Consumer<KafkaConsumerOptions, KafkaConsuming> {
  readonly protocol = "KafkaHandler";
  #connection: Connection | undefined;
  #isStopping = false;
  /** The next offset of each partition of which something was handled and is not committed yet. */
  readonly #done = new Map<number, string>();
  #uncommitted = 0;
  #committing: NodeJS.Timeout | undefined;

  protected override async open(): Promise<void> {
    const library = await loadKafka();
    const kafka = createKafka(library, this.options);
    const { sessionTimeoutMs = SESSION_MS } = this.options;
    const consumer = kafka.consumer({
      groupId: this.queue,
      sessionTimeout: sessionTimeoutMs,
      maxWaitTimeInMs: LONGEST_WAIT_MS,
      retry: { restartOnFailure: async () => !this.#isStopping },
    });
    const dead = kafka.producer({ createPartitioner: library.Partitioners.DefaultPartitioner });
    this.#connection = { kafka, consumer, dead };
    await this.#connect(Promise.all([consumer.connect(), dead.connect()]));
    consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
      if (!this.#isStopping) this.tell(error);
    });
  }

  protected async start(handler: Handler, { key }: KafkaConsuming): Promise<void> {
    const { consumer, kafka } = this.#connected();
    const before = await this.#connect(offsetsOf(kafka, this.queue));
    await this.#connect(consumer.subscribe({ topic: this.queue, fromBeginning: false }));
    const joined = new Promise<number[]>((resolve) => {
      const forget = consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberAssignment } }) => {
        forget();
        resolve(memberAssignment[this.queue] ?? []);
      });
    });
    await this.#connect(
      consumer.run({
        partitionsConsumedConcurrently: this.options.concurrency ?? 1,
        autoCommit: false,
        eachMessage: (payload) => this.#handleMessage(handler, key, payload),
      }),
    );
    this.#committing = setInterval(() => void this.#commit(), COMMIT_MS);
    // A partition that the group has never committed begins with what comes from here on, whenever it is first read.
    const fresh = before.filter(({ isFresh }) => isFresh);
    for (const partition of await joined) {
      const offset = fresh.find((one) => one.partition === partition)?.offset;
      if (offset === undefined) continue;
      await consumer.commitOffsets([{ topic: this.queue, partition, offset }]);
      consumer.seek({ topic: this.queue, partition, offset });
    }
  }

  async #handleMessage(handler: Handler, wanted: string | undefined, payload: EachMessagePayload): Promise<void> {
    const { message, partition, heartbeat } = payload;
    if (this.#isStopping) return;
    const key = message.key?.toString();
    if (wanted === undefined || key === wanted) {
      count(this.protocol, this.queue, "accepted");
      const beat = setInterval(() => void heartbeat().catch(() => {}), HEARTBEAT_MS);
      const isDone = await this.#attempt(handler, key, payload).finally(() => clearInterval(beat));
      if (!isDone) return;
    }
    this.#done.set(partition, String(BigInt(message.offset) + 1n));
    this.#uncommitted += 1;
    if (this.#uncommitted >= COMMIT_AFTER) await this.#commit();
  }

  /** Messages of a partition come one after the other, so that the last offset stands for all before it. */
  async #commit(): Promise<void> {
    const offsets = [...this.#done].map(([partition, offset]) => ({ topic: this.queue, partition, offset }));
    this.#done.clear();
    this.#uncommitted = 0;
    if (offsets.length === 0) return;
    // A partition that another member has now is committed by that one.
    await this.#connected()
      .consumer.commitOffsets(offsets)
      .catch((error: unknown) => this.tell(error));
  }

  /** @returns Whether the message is done with, and never to be given again. */
  async #attempt(handler: Handler, key: string | undefined, { message }: EachMessagePayload): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const value: unknown = JSON.parse(message.value?.toString() ?? "null");
        await this.handle(handler, value, { attempt, ...(key !== undefined && { key }) });
        return true;
      } catch (error) {
        const isReadable = !(error instanceof SyntaxError);
        if (!isReadable) count(this.protocol, this.queue, "refused");
        // It is not committed, and the next member of the group gets it.
        if (this.#isStopping) return false;
        if (attempt >= ATTEMPTS || !isReadable) {
          await this.#bury(error, attempt, message);
          return true;
        }
        await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1));
      }
    }
  }

  async #bury(error: unknown, attempts: number, { key, value }: EachMessagePayload["message"]): Promise<void> {
    const headers = { reason: reasonOf(error), attempts: String(attempts), topic: this.queue };
    await this.#connected().dead.send({ topic: `${this.queue}.dead`, messages: [{ key, value, headers }] });
    this.tell(new Error(`a message is in ${this.queue}.dead after ${attempts} attempts: ${reasonOf(error)}`));
  }

  protected override async stop(): Promise<void> {
    this.#isStopping = true;
  }

  protected override async shut(): Promise<void> {
    const { consumer, dead } = this.#connected();
    clearInterval(this.#committing);
    await this.#commit();
    const left = Promise.all([consumer.disconnect(), dead.disconnect()]);
    await Promise.race([left, pause(LEAVE_MS, undefined, { ref: false })]);
  }

  #connected(): Connection {
    if (this.#connection === undefined) throw new Error(`the consumer of ${this.queue} is not connected`);
    return this.#connection;
  }

  async #connect<T>(connecting: Promise<T>): Promise<T> {
    try {
      return await connecting;
    } catch (error) {
      throw unreachable(this.options, error);
    }
  }
}

/** Of each partition the next offset, and whether the group has none committed there. */
async function offsetsOf(kafka: Kafka, queue: string) {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const ends = await admin.fetchTopicOffsets(queue);
    const [committed] = await admin.fetchOffsets({ groupId: queue, topics: [queue] });
    const known = new Set(
      committed?.partitions.filter(({ offset }) => offset !== "-1").map(({ partition }) => partition),
    );
    return ends.map(({ partition, high }) => ({ partition, offset: high, isFresh: !known.has(partition) }));
  } finally {
    await admin.disconnect();
  }
}
