// Consumers of one protocol, each with the handler of its queue.
import { ZcontextError } from "../errors.ts";
import type { Consumer } from "./contract/consumer.ts";
import type { Handler } from "./contract/handler.ts";
import { type ConsumerClass, consumerClass } from "./registry.ts";

/** A consumer that does not run yet, and its handler. */
export interface Route {
  readonly consumer: Consumer;
  readonly handler: Handler;
  /** Of the protocol, such as the method of HTTP. */
  readonly options: object;
}

/** Takes a handler, or decorates a static method of a class. */
type RouteDecorator = (handler: Handler, context?: ClassMethodDecoratorContext) => void;

/**
 * @example
 * const consumers = new ConsumerFactory(HTTP, { port: 9000 });
 * consumers.route("queue_1", async (message) => console.log(message));
 * await new ConsumerRunner({ consumers }).run();
 */
export class ConsumerFactory {
  readonly #class: ConsumerClass;
  readonly #options: object;
  /** In the order of `route`. */
  readonly routes: Route[] = [];

  /**
   * @param protocol - Its name, or a class.
   * @param options - Of each consumer, such as `port` and `concurrency`.
   * @throws {ZcontextError} `ERR_PROTOCOL_UNKNOWN`.
   */
  constructor(protocol: string | ConsumerClass, options: object = {}) {
    this.#class = typeof protocol === "string" ? consumerClass(protocol) : protocol;
    this.#options = options;
  }

  /**
   * Gives a queue a handler, with a consumer of its own; a runner starts it. Without a handler, returns what takes one.
   *
   * @param options - Of the protocol, such as the method of HTTP.
   * @throws {ZcontextError} `ERR_QUEUE_NAME`, `ERR_USAGE`.
   */
  route(queue: string, handler: Handler, options?: object): Consumer;
  route(queue: string, options?: object): RouteDecorator;
  route(queue: string, first: Handler | object = {}, options: object = {}): Consumer | RouteDecorator {
    if (isHandler(first)) return this.#add(queue, first, options);
    const decorate: RouteDecorator = (handler, context) => {
      if (context?.static === false)
        throw new ZcontextError("ERR_USAGE", `${String(context.name)}: expected a static method, or a function`, {
          hint: "A handler that belongs to an object is routed with the object: route(queue, (message) => object.handle(message)).",
        });
      this.#add(queue, handler, first);
    };
    return decorate;
  }

  get instances(): Consumer[] {
    return this.routes.map(({ consumer }) => consumer);
  }

  get handlers(): Handler[] {
    return this.routes.map(({ handler }) => handler);
  }

  #add(queue: string, handler: Handler, options: object): Consumer {
    const consumer = new this.#class(queue, this.#options);
    this.routes.push({ consumer, handler, options });
    return consumer;
  }
}

function isHandler(value: Handler | object): value is Handler {
  return typeof value === "function";
}
