// The engine `nats`: events are kept by JetStream, calls and signals pass the core of the server.
import { randomBytes, randomUUID } from "node:crypto";
import { ZcontextError } from "../../../errors.ts";
import type { Membership, Subscription, TappedMessage } from "../../contract/engine.ts";
import type { ServerEngine, ServerEngineOptions } from "../../contract/server.ts";
import { subscriptionOf } from "../../contract/subscription.ts";
import { createRemoteCalls } from "../../remote/calls.ts";
import { countEngine } from "../../remote/counted-engine.ts";
import { createMemberFigures } from "../../remote/member-figures.ts";
import { createRemoteSignals } from "../../remote/signals.ts";
import { createServerTap } from "../../remote/tap.ts";
import { createEmitter } from "./emitter.ts";
import { speakIgz } from "./igz.ts";
import { createLetters } from "./letters.ts";
import { openLink } from "./link.ts";
import { createMember, type Member } from "./member.ts";
import { keepingOf } from "./options.ts";
import { callPlainly, servePlainly } from "./plain-calls.ts";
import { createPost } from "./post.ts";
import { answerRoll, readQueues } from "./queues.ts";
import { createSettlements } from "./settlements.ts";
import { ACK_WAIT_MS, createStreams } from "./streams.ts";
import { tapEvents } from "./tap.ts";

export { loadClient } from "./client.ts";

/** How often a member says that it is at work: a third of the time after which its events are given to others. */
const EXTEND_MS = ACK_WAIT_MS / 3;
const BEAT_MS = 500;
/** Room for what travels beside a body: its envelope with the headers of the user, or why it is a dead letter. */
const ENVELOPE_BYTES = 16_384;

/** Connects to the server. @returns The engine at once; what is asked of it waits for the server. */
export function connectNats(options: ServerEngineOptions, nowMs = () => performance.now()): ServerEngine {
  const { src, address } = options;
  const life = randomUUID().replaceAll("-", "");
  const random = (digits: number) => randomBytes(digits / 2).toString("hex");
  const link = openLink(options, nowMs);
  const streams = createStreams(keepingOf(address.url));
  const settlements = createSettlements(link);
  const letters = createLetters(link, streams);
  const figures = createMemberFigures(src);
  const emitter = createEmitter({ link, streams, nowMs, onUnrouted: figures.unrouted });
  const post = createPost(link);
  const signals = createRemoteSignals({ post, life, src });
  const calls = createRemoteCalls(post, life, nowMs);
  const listening = new Map<string, Member>();
  /** Those that listen, and those that have still to settle. */
  const members = new Set<Member>();
  let extendedMs = nowMs();
  let isRollAnswered = false;
  const beating = setInterval(beat, BEAT_MS).unref();

  link.onUp((session) => {
    // Before anything asks whether the server has them.
    settlements.up(session);
    beat();
    streams.forget();
    emitter.forget();
    post.passAll();
    for (const member of members) member.up();
    calls.up();
    signals.up();
  });
  link.onDown((reason) => {
    post.down();
    calls.down(reason);
  });

  function beat(): void {
    const now = nowMs();
    const silentMs = now - extendedMs;
    // The server has waited for a sign for so long.
    if (silentMs > ACK_WAIT_MS) for (const member of members) member.loseAll(taken(link.trouble, silentMs));
    if (link.session === undefined) return;
    if (silentMs >= EXTEND_MS) {
      extendedMs = now;
      for (const member of members) member.extend();
    }
    for (const member of members) {
      member.beat();
      if (member.isDone) members.delete(member);
    }
    settlements.confirm();
  }

  async function listen(membership: Membership, handler: Parameters<ServerEngine["listen"]>[1]): Promise<Subscription> {
    const { name, group } = membership;
    const key = `${name} ${group}`;
    if (listening.has(key)) throw new ZcontextError("ERR_USAGE", `group ${group} listens to ${name} here already`);
    const member = createMember({ link, streams, settlements, letters, membership, handler, random, nowMs });
    listening.set(key, member);
    members.add(member);
    try {
      await link.attempt(async (session) => {
        if (!isRollAnswered) answerRoll(session, () => [...listening.values()].map(({ figures }) => figures));
        isRollAnswered = true;
      });
      await member.join();
    } catch (error) {
      listening.delete(key);
      members.delete(member);
      throw error;
    }
    return subscriptionOf(async () => {
      await member.close();
      listening.delete(key);
    });
  }

  const engine: Omit<ServerEngine, "figures"> = {
    name: "nats",
    up: link.up,
    get trouble() {
      return link.trouble ?? [...listening.values()].find(({ trouble }) => trouble !== undefined)?.trouble;
    },
    get largestBody() {
      const most = link.session?.nc.info?.max_payload;
      return most && Math.max(0, most - ENVELOPE_BYTES);
    },
    emit: emitter.emit,
    listen,
    publish: signals.publish,
    subscribe: signals.subscribe,
    signalFigures: signals.signalFigures,
    call: (call, signal) =>
      calls.call(call, signal).then((answer) => {
        // A program of another kind may serve it.
        const isAbsent = answer.failure?.code === "ERR_SERVICE_UNKNOWN" && answer.failure.executed === "no";
        return isAbsent ? callPlainly(link, call, signal).then((plain) => plain ?? answer) : answer;
      }),
    async serve(service, methods, handler) {
      const served = await calls.serve(service, methods, handler);
      const plain = await servePlainly(post, service, handler, random);
      return subscriptionOf(async () => void (await Promise.all([served.close(), plain.close()])));
    },
    tell: calls.tell,
    operations: {
      services: calls.services,
      queues: () => readQueues(link, letters),
      deadLetters: letters.deadLetters,
      deadLetter: letters.deadLetter,
      replay: letters.replay,
      discard: letters.discard,
      tap: createServerTap({
        post,
        tapSignals: signals.tap,
        tapEvents: (_, add: (event: TappedMessage) => void) => tapEvents(link, add, random),
      }),
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  if (options.dialect === "igz") Object.assign(engine, speakIgz(link, post, random));
  return countEngine(engine, { post, life, figures, underWay: calls.underWay });

  async function close(): Promise<void> {
    clearInterval(beating);
    // Nothing can be settled then, and what waits for the server is not waited for.
    if (link.session === undefined) await link.close();
    await Promise.all([...members].map((member) => member.close()));
    const error = new ZcontextError("ERR_ENGINE_UNREACHABLE", "engine nats: it is closed");
    for (const member of members) member.giveBackAll(error);
    await Promise.all([calls.close(), signals.close()]);
    post.passAll();
    await link.close();
  }
}

/** Why events were given to others. */
function taken(trouble: string | undefined, silentMs: number): ZcontextError {
  const seconds = (silentMs / 1_000).toFixed(1);
  const isAway = trouble !== undefined;
  const reason = isAway ? `${trouble}, for ${seconds} s` : `the event loop was blocked for ${seconds} s`;
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `engine nats: ${reason}: its events are given to other members`, {
    hint: isAway ? "Is the server running?" : "Move long work to a worker thread, or let it pause.",
  });
}
