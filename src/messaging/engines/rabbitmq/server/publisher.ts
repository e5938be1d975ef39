// Publishes messages that the server has to confirm. Each waits here until it has, over connections that end, for a bounded
// time.
import type { ChannelModel, ConfirmChannel, Options } from "amqplib";
import type { ZcontextError } from "../../../../errors.ts";
import { MOST_WAIT_MS } from "./connection.ts";
import { unreachable } from "./faults.ts";
import { toPublish } from "./to-publish.ts";

export interface Publication {
  exchange: string;
  key: string;
  body: Buffer;
  properties: Options.Publish;
}

/** `full`: a queue took no more; `nobody`: it would have got into no queue; `astray`: the exchange is not there. */
export type Outcome = "stored" | "full" | "nobody" | "astray";

export interface Publisher {
  /**
   * Resolves when the server has the message on disk, or says that it does not take it.
   *
   * @throws {ZcontextError} `ERR_ENGINE_UNREACHABLE` after 30 s without a connection, `ERR_ENGINE_REFUSED` where this user
   *   may not publish there.
   */
  publish(publication: Publication): Promise<Outcome>;
  /** Publishes over this connection what waits, and what comes. */
  open(model: ChannelModel): Promise<void>;
  /** The connection is gone: what is not confirmed waits for the next one. */
  lose(): void;
  /** Fails what has waited for too long, over a connection or for one. */
  failOld(trouble: string): void;
  close(error: ZcontextError): void;
}

/** Of the server: there is no such exchange. */
const NOT_FOUND = 404;

interface Waiting {
  n: number;
  publication: Publication;
  sinceMs: number;
  isReturned: boolean;
  resolve(outcome: Outcome): void;
  reject(error: ZcontextError): void;
}

/**
 * @param faultOf - What an error of the channel means.
 * @param onFault - The channel has ended, and another connection is needed.
 * @param nowMs - The monotonic clock.
 */
export function createPublisher(
  faultOf: (error: unknown) => ZcontextError,
  onFault: (error: unknown) => void,
  nowMs: () => number,
): Publisher {
  const waiting = new Map<number, Waiting>();
  let channel: ConfirmChannel | undefined;
  let closed: ZcontextError | undefined;
  let lastN = 0;

  const end = ({ n }: Waiting) => waiting.delete(n);

  function send(one: Waiting): void {
    const through = channel;
    if (through === undefined) return;
    const { exchange, key, body, properties } = one.publication;
    one.isReturned = false;
    // The server gives back what it can't route before it confirms it.
    const options = toPublish(properties, { persistent: true, n: String(one.n) });
    through.publish(exchange, key, body, options, (error) => {
      if (channel !== through || !end(one)) return;
      if (one.isReturned) one.resolve("nobody");
      else one.resolve(error === null ? "stored" : "full");
    });
  }

  /** A message has ended the channel, and the server does not say which one: those for the exchange that it names. */
  function onError(error: unknown): void {
    const fault = faultOf(error);
    const isAbsent = error instanceof Error && "code" in error && error.code === NOT_FOUND;
    if (!isAbsent && fault.code !== "ERR_ENGINE_REFUSED") return;
    for (const one of [...waiting.values()]) {
      if (!fault.message.includes(`exchange '${one.publication.exchange}'`) || !end(one)) continue;
      if (isAbsent) one.resolve("astray");
      else one.reject(fault);
    }
  }

  return {
    publish(publication) {
      return new Promise((resolve, reject) => {
        if (closed !== undefined) return reject(closed);
        lastN += 1;
        const one: Waiting = { n: lastN, publication, sinceMs: nowMs(), isReturned: false, resolve, reject };
        waiting.set(one.n, one);
        send(one);
      });
    },
    async open(model) {
      const opened = await model.createConfirmChannel();
      opened.on("error", onError);
      opened.on("return", ({ properties }) => {
        const one = waiting.get(Number(properties.correlationId));
        if (one !== undefined) one.isReturned = true;
      });
      // The client calls back for all that is not confirmed when the channel closes; those wait for the next one.
      opened.prependListener("close", () => {
        if (channel !== opened) return;
        channel = undefined;
        onFault(new Error("the channel for publishing was closed"));
      });
      channel = opened;
      for (const one of waiting.values()) send(one);
    },
    lose() {
      channel = undefined;
    },
    failOld(trouble) {
      for (const one of [...waiting.values()])
        if (nowMs() - one.sinceMs > MOST_WAIT_MS && end(one)) one.reject(unreachable(trouble));
    },
    close(error) {
      closed = error;
      channel = undefined;
      for (const one of [...waiting.values()]) if (end(one)) one.reject(error);
    },
  };
}
