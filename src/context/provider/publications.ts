// The publications that a `top` has asked for: the figures of one transaction on an endpoint of their own, at a pace of
// their own, until they are ended or the transaction is over.
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { type BoundPublisher, bindPublisher } from "../../link/publisher.ts";
import type { Log } from "../../log.ts";
import { type Endpoints, portOf } from "../../protocol/endpoints.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { PublicationRequest, TopOptions } from "../../protocol/query.ts";

export interface Publications extends AsyncDisposable {
  /**
   * Begins or ends a publication, or changes the one of this transaction that is there.
   *
   * @throws {ZcontextError} `ERR_ENDPOINT_PUBLIC`, or `ERR_ENDPOINT_IN_USE`, by another transaction for one;
   *   `ERR_PROVIDER_LEAVING` once they are closed.
   */
  ask(transaction: string, request: PublicationRequest, options: TopOptions): Promise<void>;
}

export interface PublicationsOptions {
  /** The entries of a transaction as `monitor` carries them; undefined once it is over. */
  entries(transaction: string, options: TopOptions): Promise<JsonObject[]> | undefined;
  /** Resolves when a transaction is over. */
  whenOver(transaction: string): Promise<unknown>;
  /** Where the forwarder listens: these addresses must be free when it comes back. */
  forwarder: Endpoints;
  log: Log;
}

interface Publication {
  transaction: string;
  periodMs: number;
  options: TopOptions;
  /** Ends the pause before the next one. */
  changed: AbortController;
  isOver: boolean;
  /** Resolves when its endpoint is free again. */
  ended: Promise<void>;
}

/** Endpoints that are bound on request; more than this means that some were forgotten. */
const MOST = 16;

export function createPublications({ entries, whenOver, forwarder, log }: PublicationsOptions): Publications {
  const publications = new Map<string, Publication>();
  const reserved = new Set(Object.values(forwarder).map(portOf));
  /** Transactions whose end is waited for: once each, however often a publication begins and ends. */
  const awaited = new Set<string>();
  let isClosed = false;
  let last: Promise<unknown> = Promise.resolve();

  async function ask(
    transaction: string,
    { isWanted, endpoint, periodMs }: PublicationRequest,
    options: TopOptions,
  ): Promise<void> {
    const known = await findGoingOn(endpoint);
    if (known !== undefined && known.transaction !== transaction)
      throw new ZcontextError("ERR_ENDPOINT_IN_USE", `${endpoint} publishes transaction ${known.transaction}`);
    if (!isWanted) return known && end(known);
    if (known !== undefined) return change(known, { periodMs, options });
    if (isClosed) throw new ZcontextError("ERR_PROVIDER_LEAVING", "the provider is leaving");
    if (reserved.has(portOf(endpoint)))
      throw new ZcontextError("ERR_ENDPOINT_IN_USE", `${endpoint} has a port of the forwarder`);
    if (publications.size >= MOST)
      throw new ZcontextError(
        "ERR_ENDPOINT_IN_USE",
        `${MOST} publications are open: ${[...publications.keys()].join(", ")}`,
      );
    begin(await bindPublisher(endpoint), { transaction, endpoint, periodMs, options });
  }

  /** One that is over has its endpoint for a moment yet. */
  async function findGoingOn(endpoint: string): Promise<Publication | undefined> {
    const known = publications.get(endpoint);
    if (!known?.isOver) return known;
    await known.ended;
    return undefined;
  }

  function begin(
    publisher: BoundPublisher,
    { endpoint, ...about }: { transaction: string; endpoint: string; periodMs: number; options: TopOptions },
  ): void {
    const publication = { ...about, changed: new AbortController(), isOver: false, ended: Promise.resolve() };
    publications.set(endpoint, publication);
    log.info({ transaction: about.transaction, endpoint, periodMs: about.periodMs }, "publication begun");
    endWith(about.transaction);
    publication.ended = publishUntilOver(publisher, publication)
      .catch((error) => log.error({ endpoint, reason: reasonOf(error) }, "publication failed"))
      .finally(async () => {
        publication.isOver = true;
        await publisher[Symbol.asyncDispose]();
        publications.delete(endpoint);
        log.info({ transaction: about.transaction, endpoint }, "publication ended");
      });
  }

  function endWith(transaction: string): void {
    if (awaited.has(transaction)) return;
    awaited.add(transaction);
    void whenOver(transaction).then(() => {
      awaited.delete(transaction);
      for (const publication of publications.values())
        if (publication.transaction === transaction) void end(publication);
    });
  }

  async function publishUntilOver(publisher: BoundPublisher, publication: Publication): Promise<void> {
    const { transaction } = publication;
    while (!publication.isOver) {
      const found = await entries(transaction, publication.options);
      if (found === undefined || publication.isOver) return;
      await publisher.publish({ topic: "monitor", body: { [transaction]: found } });
      const { signal } = publication.changed;
      await pause(publication.periodMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  function change(publication: Publication, to: Pick<Publication, "periodMs" | "options">): void {
    Object.assign(publication, to);
    wake(publication);
  }

  function end(publication: Publication): Promise<void> {
    publication.isOver = true;
    wake(publication);
    return publication.ended;
  }

  function wake(publication: Publication): void {
    const { changed } = publication;
    publication.changed = new AbortController();
    changed.abort();
  }

  return {
    // One after the other: a request that comes again must find what the first one has made of it.
    ask(...words) {
      const asked = Promise.allSettled([last]).then(() => ask(...words));
      last = asked;
      return asked;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await Promise.allSettled([last]);
      await Promise.all([...publications.values()].map(end));
    },
  };
}
