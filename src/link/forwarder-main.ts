// The whole life of the forwarder process: bind two sockets, run the native proxy between them, and clear up when the
// provider dies. Nothing else lives here, because the proxy's hazards (a process.exit() or an uncaught exception hangs
// while it runs) stay here too. The proxy has a thread of its own, so that the guard's loop is always free.
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { Proxy as Forwarder, XPublisher, XSubscriber, type Socket as ZmqSocket } from "zeromq";
import { COOKIE, FORWARDER_RUN, readCookie } from "../processes/cookie.ts";
import type { ProcessIdentity } from "../processes/stat.ts";
import { sweepAfter } from "../processes/sweep.ts";
import { createProcessTable } from "../processes/table.ts";
import type { Order } from "./forwarder.ts";
import { HIGH_WATER_MARK, MAX_SUBSCRIPTION_BYTES, MAX_WIRE_BYTES } from "./limits.ts";

const [publishBind = "", subscribeBind = ""] = process.argv.slice(2);
const parent = new Socket({ fd: 3 });
/** The tasks that the provider has, by the pids of their leaders. */
const leaders = new Map<number, ProcessIdentity>();

/** Pause between two signs of life, in milliseconds. */
const BEAT_MS = 1_000;
/** How long listeners may take to be sent what was said last, in milliseconds. */
const LINGER_MS = 500;

const input = new XSubscriber({ linger: 0, receiveHighWaterMark: HIGH_WATER_MARK, maxMessageSize: MAX_WIRE_BYTES });
const output = new XPublisher({
  linger: LINGER_MS,
  sendHighWaterMark: HIGH_WATER_MARK,
  maxMessageSize: MAX_SUBSCRIPTION_BYTES,
});
/** While it runs. */
let proxy: Forwarder | undefined;

parent.on("error", () => {}).on("close", guard);
// The lines repeat the errors of the pipe: that of a provider that dies with something of ours unread is one.
createInterface(parent)
  .on("error", () => {})
  .on("line", obey);
run().catch(({ code, message, endpoint }: NodeJS.ErrnoException & { endpoint?: string }) => {
  parent.write(`${JSON.stringify({ failed: { code, message, endpoint } })}\n`);
});

async function run(): Promise<void> {
  const bound = { publish: await bind(input, publishBind), subscribe: await bind(output, subscribeBind) };
  // Subscribes to everything before the proxy runs: a publisher that sees this knows that what it sends arrives.
  await input.send(Buffer.from([1]));
  if (!parent.destroyed) await pass(bound);
  parent.off("close", die).destroy();
  input.close();
  output.close(); // the process ends once its context has sent what lingers
}

async function pass(bound: object): Promise<void> {
  proxy = new Forwarder(input, output);
  const running = proxy.run();
  parent.write(`${JSON.stringify({ bound })}\n`);
  const beating = setInterval(beat, BEAT_MS);
  await running.finally(() => {
    clearInterval(beating);
    proxy = undefined;
  });
}

// A provider that is halted reads nothing, and need not find more than one of them.
function beat(): void {
  if (parent.writableLength === 0) parent.write("{}\n");
}

async function bind(socket: ZmqSocket, address: string): Promise<string> {
  try {
    await socket.bind(address);
    return socket.lastEndpoint ?? address;
  } catch (error) {
    throw Object.assign(error as Error, { endpoint: address });
  }
}

function obey(line: string): void {
  const order = readOrder(line);
  if (order === undefined) return;
  if ("watch" in order) leaders.set(order.watch.pid, order.watch);
  else if ("forget" in order) leaders.delete(order.forget);
  else leave();
}

// A provider that is killed while it writes leaves half a line. That must not end the guard.
function readOrder(line: string): Order | undefined {
  try {
    return JSON.parse(line) as Order;
  } catch {
    return undefined;
  }
}

// The provider leaves in order: nothing is left of its tasks, and what has passed the proxy still has to reach everybody.
function leave(): void {
  parent.off("close", guard).on("close", die);
  if (proxy === undefined) die();
  else proxy.terminate();
}

// The provider is gone, whichever way it went: what it has left goes as well. Its addresses are free at once, for the
// next provider may be there already.
async function guard(): Promise<void> {
  proxy?.terminate();
  const cookie = readCookie(process.env[COOKIE] ?? "");
  // Another cookie than that of a forwarder was inherited: it is not our provider that it names.
  if (cookie?.run === FORWARDER_RUN) {
    const dead = { provider: cookie.provider, leaders: [...leaders.values()] };
    await sweepAfter(dead, { table: createProcessTable() }).catch(() => {});
  }
  die();
}

// Only a signal ends a process in which the proxy runs.
function die(): void {
  process.kill(process.pid, "SIGKILL");
}
