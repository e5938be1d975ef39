// Entry of the agent, a child of the provider where a server has the messages of its context: says at the server which services
// the provider starts, runs and ends, and tells the provider the figures, or why the server can't be reached. What can't
// connect is tried again, so that a server or a login that is set right is found without a restart.
import { reasonOf, ZcontextError } from "../errors.ts";
import { AGENT_START, type AgentStart, type BrokerReport } from "../protocol/broker-pipe.ts";
import type { BusFigures, ServiceState } from "../protocol/bus-figures.ts";
import { connectAgent } from "./connect.ts";
import type { ServerEngine } from "./contract/server.ts";
import { openProviderPipe, watchProcesses } from "./engines/zeromq/provider-pipe.ts";
import { bindRouter } from "./engines/zeromq/router.ts";
import { createGateway } from "./gateway/gateway.ts";

/** How often figures are told, in milliseconds. */
const FIGURES_MS = 1_000;
/** How long the server may take to answer, in milliseconds. */
const ANSWER_MS = 5_000;
/** The pause before another attempt where this can't work as it is, in milliseconds. */
const RETRY_MS = 2_000;

const provider = openProviderPipe();
const { note } = provider;
const { src, gateway: place }: AgentStart = JSON.parse(process.env[AGENT_START] ?? "{}");
const states = new Map<string, ServiceState>();
let engine: ServerEngine | undefined;
/** Why there is no engine. */
let reason = "not connected yet";
let known: Extract<BrokerReport, { figures: unknown } | { away: string }> = { away: reason };
/** Events that no group has wanted in time, as was said. */
const unrouted = new Set<string>();
let isAsking = false;
let askedMs = 0;

provider.listen({
  leave,
  onState({ service, state }) {
    if (state === "gone") states.delete(service);
    else states.set(service, state);
    engine?.tell(new Map(states));
  },
});
openGateway().then(() => {
  provider.ready();
  void connect();
  setInterval(beat, FIGURES_MS);
}, provider.fail);

/** Lets programs take part that speak the protocol of a broker. */
async function openGateway(): Promise<void> {
  const gateway = createGateway({
    token: place.token,
    connect: connectAgent,
    send: (member, batch) => router.send(member, batch),
  });
  // The connections of programs that have ended.
  const watch = watchProcesses(gateway.members, gateway.lose);
  const router = await bindRouter(place.url, {
    onBatch: gateway.receive,
    onTurn() {},
    onLost: gateway.lose,
    onMalformed: (member, error) => note("warn", "message malformed", { member, reason: reasonOf(error) }),
    onDisconnect: watch.look,
  });
}

async function connect(): Promise<void> {
  try {
    const opened = await connectAgent(src);
    engine = opened;
    engine.tell(new Map(states));
    await opened.up;
  } catch (error) {
    reason = textOf(error);
    const failed = engine;
    engine = undefined;
    await failed?.close().catch(() => {});
    setTimeout(() => void connect(), RETRY_MS);
  }
}

/** Tells what is known, which is also a heartbeat, and asks for what is next. */
function beat(): void {
  if (provider.isRead) provider.report(known);
  if (engine === undefined) return know(reason);
  if (engine.trouble !== undefined) return know(engine.trouble);
  if (!isAsking) return void ask(engine);
  // The same words each time: what is known anew is logged.
  if (performance.now() - askedMs > ANSWER_MS) know(`the server has not answered within ${ANSWER_MS / 1_000} s`);
}

async function ask(engine: ServerEngine): Promise<void> {
  isAsking = true;
  askedMs = performance.now();
  try {
    know(await engine.figures());
  } catch (error) {
    know(textOf(error));
  } finally {
    isAsking = false;
  }
}

/** @param news - Figures, or why there are none. */
function know(news: Omit<BusFigures, "memory_bytes"> | string): void {
  const before = "away" in known ? known.away : undefined;
  const away = typeof news === "string" ? news : undefined;
  known = typeof news === "string" ? { away: news } : { figures: { ...news, memory_bytes: process.memoryUsage.rss() } };
  // The health of the provider changes before its log says so.
  if (away !== before) provider.report(known);
  if (typeof news !== "string") for (const event of Object.keys(news.unrouted)) noteUnrouted(event);
  if (away === before) return;
  if (away === undefined) note("info", "server of messages reached", {});
  else note("warn", "server of messages can't be reached", { reason: away });
}

/** Once for each name. */
function noteUnrouted(event: string): void {
  if (unrouted.has(event)) return;
  unrouted.add(event);
  note("warn", "event dropped", { event, reason: "no group has listened to it within 10 s; said once for each name" });
}

async function leave(): Promise<void> {
  await engine?.close().catch(() => {});
  process.exit(0);
}

function textOf(error: unknown): string {
  const hint = error instanceof ZcontextError && error.hint !== undefined ? ` (${error.hint})` : "";
  return `${reasonOf(error)}${hint}`;
}
