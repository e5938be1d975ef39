// Consumes a queue over HTTP: whoever posts JSON to its path has sent a message.
import type { Json } from "../../../protocol/json.ts";
import { Consumer, type ConsumerOptions } from "../../contract/consumer.ts";
import { count } from "../../contract/figures.ts";
import type { Handler } from "../../contract/handler.ts";
import { createIntake, type Intake } from "../../contract/intake.ts";
import { consumerAddress } from "./address.ts";
import type { Method, Route } from "./http-server.ts";

export interface HttpConsumerOptions extends ConsumerOptions {
  /** Default 127.0.0.1: this machine alone. */
  host?: string;
  /** Default: the variable HTTP_PORT, or 9000. 0 is any. */
  port?: number;
}

export interface HttpConsuming {
  /** Default POST. Of a GET, the message is the query as an object. */
  method?: Method;
}

export class HttpConsumer extends Consumer<HttpConsumerOptions, HttpConsuming> {
  readonly protocol = "HTTPHandler";
  #route: Route | undefined;
  #intake: Intake<Json> | undefined;

  /** Where messages are posted, once it consumes: `http://127.0.0.1:9000/queue_1`. */
  get url(): string | undefined {
    return this.#route && `${this.#route.origin}/${this.queue}`;
  }

  protected async start(handler: Handler, { method = "POST" }: HttpConsuming): Promise<void> {
    const { addRoute } = await import("./http-server.ts");
    const { queue, protocol } = this;
    const { concurrency = 1 } = this.options;
    const intake = createIntake<Json>(concurrency, (message) => this.handle(handler, message).catch(() => {}));
    this.#intake = intake;
    this.#route = await addRoute({
      ...consumerAddress(this.options),
      ...{ queue, method },
      take(message, bytes) {
        const isTaken = intake.add(message, bytes);
        if (isTaken) count(protocol, queue, "accepted");
        return isTaken;
      },
      onRefused: () => count(protocol, queue, "refused"),
    });
  }

  protected override async stop(): Promise<void> {
    await this.#route?.close();
  }

  protected override async drained(): Promise<void> {
    await this.#intake?.drained();
  }

  protected override async shut(): Promise<void> {
    const left = this.#intake?.clear() ?? 0;
    if (left > 0) this.tell(new Error(`${left} messages that were accepted have not been handled`));
  }
}
