// The engine `rabbitmq`: events in quorum queues, calls and signals over a topic exchange. One connection publishes and another
// one receives: the server stops reading from a connection that publishes while its disk or memory is short.
import { randomUUID } from "node:crypto";
import type { ServerEngine, ServerEngineOptions } from "../../contract/server.ts";
import { createRemoteCalls } from "../../remote/calls.ts";
import { countEngine } from "../../remote/counted-engine.ts";
import { createMemberFigures } from "../../remote/member-figures.ts";
import { createRemoteSignals } from "../../remote/signals.ts";
import { createServerTap } from "../../remote/tap.ts";
import { createEmitter } from "./events/emitter.ts";
import { createEvents } from "./events/events.ts";
import { createMembers } from "./events/members.ts";
import { createOperations } from "./events/operations.ts";
import { createSettling } from "./events/settling.ts";
import { createUnrouted } from "./events/unrouted.ts";
import { keepConnection } from "./server/connection.ts";
import { createDeclarations } from "./server/declarations.ts";
import { blocked, operationFault, unreachable } from "./server/faults.ts";
import { createLoopWatch } from "./server/loop-watch.ts";
import { createPost } from "./server/post.ts";
import { createPublisher } from "./server/publisher.ts";
import { createPulse } from "./server/pulse.ts";
import { createStoring } from "./server/storing.ts";
import { POST_EXCHANGE, placesOfGroup as placesOfOwnGroup, placesOfTwylaGroup } from "./server/topology.ts";

/** How often it is looked what has waited for too long. */
const LOOK_MS = 1_000;

/**
 * Connects to a server. @returns The engine without waiting for the server; what is asked of it does.
 *
 * @throws Where the library that speaks with the server is not installed.
 */
export async function connectRabbitmq({ address, src, dialect }: ServerEngineOptions): Promise<ServerEngine> {
  const client = await import("amqplib");
  const isTwyla = dialect === "twyla";
  const placesOfGroup = isTwyla ? placesOfTwylaGroup : placesOfOwnGroup;
  // A quorum queue confirms what it has flushed to disk; a classic one need not have.
  const stored = isTwyla ? "file" : "sync";
  const life = randomUUID();
  const nowMs = () => performance.now();
  const faultOf = (error: unknown) => operationFault(error, address);
  const loop = createLoopWatch(nowMs);
  const isUp = { sending: false, receiving: false };
  let closing: Promise<void> | undefined;

  const publisher = createPublisher(faultOf, (error) => sending.renew(error), nowMs);
  const post = createPost(
    { sending: (error) => sending.renew(error), receiving: (error) => receiving.renew(error) },
    nowMs,
  );
  const declarations = createDeclarations(faultOf);
  const storing = createStoring(publisher, declarations);
  const settling = createSettling(storing, declarations, Date.now);
  const emit = createEmitter({
    ...{ storing, declarations, stored },
    onEmitted: (event) => members.copy(event),
    onHeld: (name) => unrouted.add(name),
  });
  const events = createEvents({
    ...{ storing, declarations, settling, placesOfGroup, faultOf },
    model: () => receiving.model(),
  });
  const members = createMembers(post, life, () => events.shares(nowMs()), nowMs);
  const figures = createMemberFigures(src);
  const unrouted = createUnrouted(async (name) => (await known.groups()).some(({ event }) => event === name), figures);
  const calls = createRemoteCalls(post, life);
  const signals = createRemoteSignals({ post, life, src });

  const known = createOperations({
    ...{ declarations, members, placesOfGroup },
    model: () => receiving.model(),
    publish: publisher.publish,
  });

  const sending = keepConnection({
    ...{ client, address, name: `${src} sends` },
    async onOpen(model) {
      await publisher.open(model);
      await post.openSending(model);
      comeUp("sending");
    },
    onLost(error) {
      publisher.lose();
      post.loseSending();
      goDown("sending", error.message);
    },
  });
  const receiving = keepConnection({
    ...{ client, address, name: `${src} receives` },
    async onOpen(model) {
      declarations.open(model);
      await post.openReceiving(model);
      await events.open(model);
      comeUp("receiving");
    },
    onLost(error) {
      pulse.lose();
      declarations.lose();
      post.loseReceiving();
      const blockedMs = loop.blockedMs();
      events.lose(error, blockedMs === undefined ? undefined : blocked(blockedMs));
      goDown("receiving", error.message);
    },
  });
  const pulse = createPulse(async () => {
    await declarations.run((channel) => channel.checkExchange(POST_EXCHANGE));
    await events.look();
  }, nowMs);
  const looking = setInterval(() => {
    loop.turn();
    if (isUp.receiving) pulse.beat();
    publisher.failOld(sending.trouble ?? "the server does not answer");
    post.dropOld();
  }, LOOK_MS).unref();
  const up = Promise.all([sending.up, receiving.up]);
  up.catch(() => {});

  function comeUp(direction: keyof typeof isUp): void {
    isUp[direction] = true;
    if (!isUp.sending || !isUp.receiving) return;
    calls.up();
    signals.up();
  }
  function goDown(direction: keyof typeof isUp, reason: string): void {
    if (isUp.sending && isUp.receiving) calls.down(reason);
    isUp[direction] = false;
  }

  async function close(): Promise<void> {
    const error = unreachable("it is closed");
    clearInterval(looking);
    unrouted.close();
    post.end(error);
    await calls.close();
    await signals.close().catch(() => {});
    await members.close();
    await events.close(error);
    publisher.close(error);
    declarations.close(error);
    await post.close();
    await Promise.all([sending.close(), receiving.close()]);
  }
  const closeOnce = () => {
    closing ??= close();
    return closing;
  };

  const engine: Omit<ServerEngine, "figures"> = {
    name: "rabbitmq",
    up,
    get trouble() {
      return (
        sending.trouble ??
        receiving.trouble ??
        pulse.trouble ??
        [...events.listeners].find(({ trouble }) => trouble)?.trouble
      );
    },
    emit,
    listen: events.listen,
    publish: signals.publish,
    subscribe: signals.subscribe,
    signalFigures: signals.signalFigures,
    call: calls.call,
    serve: calls.serve,
    tell: calls.tell,
    operations: {
      ...known.operations,
      services: calls.services,
      tap: createServerTap({ post, tapSignals: signals.tap, tapEvents: members.tapEvents }),
    },
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
  return countEngine(engine, { post, life, figures, underWay: calls.underWay });
}
