// Queues of RabbitMQ, as programs of other makes use them. A message is acknowledged once it is handled, and rejected without
// coming back when the handler throws.
import { ZcontextError } from "../../../errors.ts";
import type { PlainQueues } from "../../../messaging/engines/rabbitmq/plain-queues.ts";
import { missing } from "../../../missing-package.ts";
import type { Json } from "../../../protocol/json.ts";
import { Consumer, type ConsumerOptions } from "../../contract/consumer.ts";
import { count } from "../../contract/figures.ts";
import type { Handler } from "../../contract/handler.ts";
import { Producer } from "../../contract/producer.ts";

export interface RabbitmqOptions {
  /** `host` or `host:port`. Default: the variable RMQ_HOST, or this machine; the port by RMQ_PORT, or 5672. */
  host?: string;
  /** Default: the variables RMQ_USER and RMQ_PASS, or `guest`. */
  user?: string;
  pass?: string;
  /** The virtual host. Default: the variable RMQ_VHOST, or `/`. */
  vhost?: string;
}

const TIMEOUT_MS = 10_000;
const PORT = "5672";
const GUEST = "guest";

async function connect(options: RabbitmqOptions): Promise<PlainQueues> {
  const { RMQ_HOST = "127.0.0.1", RMQ_PORT = PORT, RMQ_USER = GUEST, RMQ_PASS = GUEST, RMQ_VHOST = "/" } = process.env;
  const { host = RMQ_HOST, user = RMQ_USER, pass = RMQ_PASS, vhost = RMQ_VHOST } = options;
  const url = `amqp://${/:\d+$/.test(host) ? host : `${host}:${RMQ_PORT}`}/${encodeURIComponent(vhost)}`;
  if (!URL.canParse(url))
    throw new ZcontextError("ERR_USAGE", `host ${JSON.stringify(host)}: expected a host, or host:port`, {
      hint: "Give the option host, or set RMQ_HOST and RMQ_PORT.",
    });
  const { connectPlainQueues } = await import("../../../messaging/engines/rabbitmq/plain-queues.ts");
  try {
    return await connectPlainQueues({ url, login: { user, pass } }, TIMEOUT_MS);
  } catch (error) {
    throw missing(error, "protocol RMQIOHandler", ["amqplib"]) ?? error;
  }
}

export class RabbitmqProducer extends Producer<RabbitmqOptions> {
  readonly protocol = "RMQIOHandler";
  #queues: PlainQueues | undefined;

  protected override async open(): Promise<void> {
    this.#queues = await connect(this.options);
  }

  protected async deliver(message: Json): Promise<void> {
    await this.#queues?.send(this.queue, Buffer.from(JSON.stringify(message)));
  }

  protected override async shut(): Promise<void> {
    await this.#queues?.close();
  }
}

export class RabbitmqConsumer extends Consumer<ConsumerOptions & RabbitmqOptions> {
  readonly protocol = "RMQIOHandler";
  #queues: PlainQueues | undefined;
  #consumption: { stop(): Promise<void> } | undefined;

  protected override async open(): Promise<void> {
    this.#queues = await connect(this.options);
  }

  protected async start(handler: Handler): Promise<void> {
    const { queue, protocol } = this;
    const { concurrency = 1 } = this.options;
    this.#consumption = await this.#queues?.consume(queue, concurrency, async ({ body, isRedelivered }) => {
      let message: unknown;
      try {
        message = JSON.parse(body.toString());
      } catch (error) {
        count(protocol, queue, "refused");
        this.tell(error);
        return "reject";
      }
      count(protocol, queue, "accepted");
      const handled = this.handle(handler, message, { attempt: isRedelivered ? 2 : 1 });
      return handled.then(
        () => "ack",
        () => "reject",
      );
    });
  }

  protected override async stop(): Promise<void> {
    await this.#consumption?.stop();
  }

  protected override async shut(): Promise<void> {
    await this.#queues?.close();
  }
}
