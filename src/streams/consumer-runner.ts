// Runs consumers until the program is asked to end: all of HTTP on one server, those of other protocols beside it.
import { setTimeout as pause } from "node:timers/promises";
import { deferred } from "../deferred.ts";
import { reasonOf, ZcontextError } from "../errors.ts";
import { ConsumerFactory, type Route } from "./consumer-factory.ts";
import type { Consumer } from "./contract/consumer.ts";
import type { Handler } from "./contract/handler.ts";

export interface RunnerOptions {
  /** With their handlers, or with handlers that `handlers` has. */
  consumers?: ConsumerFactory | Consumer | Iterable<ConsumerFactory | Consumer>;
  /** For consumers without one, by queue. */
  handlers?: { readonly [queue: string]: Handler };
  /** Of the HTTP server, before that of a consumer. */
  port?: number;
  host?: string;
  /** Says what happens. Default: a line on stderr. */
  say?(line: string): void;
}

export interface RunOptions {
  /** Ends the run, as SIGTERM and SIGINT do. */
  signal?: AbortSignal;
  /** How long handlers may take at the end, in milliseconds. Default 10_000. */
  graceMs?: number;
}

const LEAVE_SIGNALS = ["SIGINT", "SIGTERM"] as const;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

export class ConsumerRunner {
  readonly #options: RunnerOptions;
  readonly #say: (line: string) => void;
  #started: Route[] = [];

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#say = options.say ?? ((line) => void process.stderr.write(`${line}\n`));
  }

  /**
   * Starts the consumers, and resolves once it was stopped and what they had taken is handled. A server that is away is
   * waited for. Without consumers it says so, and resolves.
   *
   * @throws {ZcontextError} What a consumer that can't work throws; the others are closed.
   */
  async run({ signal, graceMs }: RunOptions = {}): Promise<void> {
    const leaving = new AbortController();
    const leave = () => leaving.abort();
    for (const name of LEAVE_SIGNALS) process.once(name, leave);
    signal?.addEventListener("abort", leave, { once: true });
    if (signal?.aborted) leave();
    try {
      const count = await this.start(leaving.signal);
      if (count > 0) await aborted(leaving.signal);
    } finally {
      // A second signal ends the program at once.
      for (const name of LEAVE_SIGNALS) process.off(name, leave);
      signal?.removeEventListener("abort", leave);
      await this.close(graceMs);
    }
  }

  /**
   * Starts the consumers. Resolves when all of them consume, or the signal aborts.
   *
   * @returns How many there are.
   * @throws {ZcontextError} What a consumer that can't work throws.
   */
  async start(signal: AbortSignal): Promise<number> {
    this.#started = [...this.#routes()];
    await Promise.all(this.#started.map((route) => this.#start(route, signal)));
    const names = this.#started.map(({ consumer }) => `${consumer.queue} over ${consumer.protocol}`);
    if (!signal.aborted)
      this.#say(names.length === 0 ? "no consumers: nothing to run" : `consuming ${names.join(", ")}`);
    return names.length;
  }

  /** Closes the consumers that were started. @param graceMs - How long their handlers may take, in milliseconds. */
  async close(graceMs?: number): Promise<void> {
    await Promise.all(this.#started.map(({ consumer }) => consumer.close(graceMs === undefined ? {} : { graceMs })));
  }

  *#routes(): Generator<Route> {
    const { consumers = [], handlers = {} } = this.#options;
    for (const one of Symbol.iterator in consumers ? consumers : [consumers]) {
      if (one instanceof ConsumerFactory) yield* one.routes;
      else yield { consumer: one, handler: handlerOf(one, handlers), options: {} };
    }
  }

  async #start({ consumer, handler, options }: Route, leaving: AbortSignal): Promise<void> {
    if (consumer.isConsuming) return;
    const { port, host } = this.#options;
    consumer.configure({ ...(port !== undefined && { port }), ...(host !== undefined && { host }) });
    for (let pauseMs = FIRST_PAUSE_MS; !leaving.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await consumer.consume(handler, options);
      } catch (error) {
        if (!(error instanceof ZcontextError) || error.code !== "ERR_ENGINE_UNREACHABLE") throw error;
        this.#say(`queue ${consumer.queue} over ${consumer.protocol} waits: ${reasonOf(error)}`);
        await pause(pauseMs, undefined, { signal: leaving }).catch(() => {});
      }
    }
  }
}

function handlerOf(consumer: Consumer, handlers: { readonly [queue: string]: Handler }): Handler {
  const handler = Object.hasOwn(handlers, consumer.queue) ? handlers[consumer.queue] : undefined;
  if (handler !== undefined || consumer.isConsuming) return handler ?? (() => {});
  throw new ZcontextError("ERR_USAGE", `queue ${consumer.queue}: its consumer has no handler`, {
    hint: "Call the consumer with it, or give the runner handlers: { [queue]: handler }.",
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = deferred();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
