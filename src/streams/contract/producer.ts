// What sends messages to a queue: the base class of the producers of all protocols.
import type { Json } from "../../protocol/json.ts";
import { count } from "./figures.ts";
import { assertQueueName } from "./queue-name.ts";

/**
 * Sends messages to a queue. A protocol extends it by `open`, `deliver` and `shut`.
 *
 * @example
 * const producer = new Producer("queue_1");
 * await producer.init();
 * await producer.send({ id: 7 });
 */
export abstract class Producer<Options extends object = object, SendOptions extends object = object>
  implements AsyncDisposable
{
  /** Name of the protocol, as in `PRODUCERS`. */
  abstract readonly protocol: string;
  readonly queue: string;
  protected readonly options: Options;
  #opening: Promise<void> | undefined;
  #isOpen = false;

  /** @throws {ZcontextError} `ERR_QUEUE_NAME`. */
  constructor(queue: string, options: Options = {} as Options) {
    assertQueueName(queue);
    this.queue = queue;
    this.options = options;
  }

  /** Connects. `send` does so as well where it was not done before. */
  async init(): Promise<void> {
    this.#opening ??= this.open();
    try {
      await this.#opening;
      this.#isOpen = true;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  /** The same as `init`. */
  a_init(): Promise<void> {
    return this.init();
  }

  /**
   * Sends a message, and resolves when it was accepted.
   *
   * @param message - Any JSON.
   * @throws {ZcontextError} `ERR_DELIVERY_REFUSED`, `ERR_ENGINE_UNREACHABLE`, `ERR_MESSAGE_TOO_LARGE`, `ERR_OVERLOADED`.
   */
  async send(message: Json, options: SendOptions = {} as SendOptions): Promise<void> {
    try {
      if (!this.#isOpen) await this.init();
      await this.deliver(message, options);
      count(this.protocol, this.queue, "sent");
    } catch (error) {
      count(this.protocol, this.queue, "unsent");
      throw error;
    }
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    this.#isOpen = false;
    if (opening === undefined) return;
    await opening.catch(() => {});
    await this.shut();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  protected async open(): Promise<void> {}
  protected abstract deliver(message: Json, options: SendOptions): Promise<void>;
  protected async shut(): Promise<void> {}
}
