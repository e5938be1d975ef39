// Entry of the forwarder process: binds two sockets, runs ZeroMQ's native proxy between them, and sends heartbeats to the
// provider. A process of its own, because process.exit() or an uncaught exception hangs while the proxy runs. The proxy
// has its own thread, so the event loop stays free for the guard.
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { Proxy as NativeProxy, XPublisher, XSubscriber, type Socket as ZmqSocket } from "zeromq";
import { HIGH_WATER_MARK, MAX_SUBSCRIPTION_BYTES, MAX_WIRE_BYTES } from "../link/limits.ts";
import { COOKIE } from "../processes/cookie.ts";
import { type Endpoints, isIpv6 } from "../protocol/endpoints.ts";
import { surviveStraySignals } from "../stray-signals.ts";
import { readOrder, writeLine } from "./forwarder-pipe.ts";
import { createGuard } from "./guard.ts";

/** Pause between two heartbeats, in milliseconds. */
const BEAT_MS = 1_000;
/** How long subscribers may take to receive what is still queued at the end, in milliseconds. */
const LINGER_MS = 500;

// It ends with its provider, by the pipe between them. A service manager signals both of them at once, and the forwarder
// has to last until the tasks have stopped.
for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT"] as const) process.on(signal, () => {});
surviveStraySignals();

const [publishBind = "", subscribeBind = ""] = process.argv.slice(2);
const provider = new Socket({ fd: 3 });
const guard = createGuard(process.env[COOKIE]);
const input = new XSubscriber({
  linger: 0,
  ipv6: isIpv6(publishBind),
  receiveHighWaterMark: HIGH_WATER_MARK,
  maxMessageSize: MAX_WIRE_BYTES,
});
const output = new XPublisher({
  linger: LINGER_MS,
  ipv6: isIpv6(subscribeBind),
  sendHighWaterMark: HIGH_WATER_MARK,
  maxMessageSize: MAX_SUBSCRIPTION_BYTES,
});
/** While it runs. */
let proxy: NativeProxy | undefined;
/** Whether the end of the proxy is wanted: the provider leaves, or has gone. */
let isLeaving = false;

provider.on("error", () => {}).on("close", onProviderGone);
// readline repeats the errors of its stream; a provider that dies with unread data in the pipe causes one.
createInterface(provider)
  .on("error", () => {})
  .on("line", obey);
run().catch(({ code, message, endpoint }: NodeJS.ErrnoException & { endpoint?: string }) => {
  provider.write(writeLine({ failed: { code, message, endpoint } }));
});

async function run(): Promise<void> {
  const bound = { publish: await bind(input, publishBind), subscribe: await bind(output, subscribeBind) };
  // Subscribes to everything before the proxy runs: a publisher that sees this subscription can send without loss.
  await input.send(Buffer.from([1]));
  if (!provider.destroyed) await forward(bound);
  provider.off("close", die).destroy();
  input.close();
  output.close(); // the process ends once ZeroMQ has sent what lingers
}

async function bind(socket: ZmqSocket, address: string): Promise<string> {
  try {
    await socket.bind(address);
    return socket.lastEndpoint ?? address;
  } catch (error) {
    throw Object.assign(error as Error, { endpoint: address });
  }
}

async function forward(bound: Endpoints): Promise<void> {
  proxy = new NativeProxy(input, output);
  const running = proxy.run();
  provider.write(writeLine({ bound }));
  const beating = setInterval(beat, BEAT_MS);
  await running.catch(() => {});
  clearInterval(beating);
  proxy = undefined;
  // Of many signals at once, one may reach the thread of the proxy, which ends it. A new process takes over at once.
  if (!isLeaving) die();
}

// A halted provider reads nothing: one unread heartbeat is enough for it.
function beat(): void {
  if (provider.writableLength === 0) provider.write(writeLine({}));
}

function obey(line: string): void {
  const order = readOrder(line);
  if (order === undefined) return;
  if ("guard" in order) guard.add(order.guard);
  else if ("release" in order) guard.remove(order.release);
  else leave();
}

// The provider ends in order: its tasks are gone, and what has reached the proxy still has to be delivered.
function leave(): void {
  isLeaving = true;
  provider.off("close", onProviderGone).on("close", die);
  if (proxy === undefined) die();
  else proxy.terminate();
}

// The proxy goes first: the next provider may already wait for the addresses.
async function onProviderGone(): Promise<void> {
  isLeaving = true;
  proxy?.terminate();
  await guard.sweep().catch(() => {});
  die();
}

// Only a signal ends a process in which the proxy runs.
function die(): void {
  process.kill(process.pid, "SIGKILL");
}
