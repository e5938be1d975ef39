// The whole life of the forwarder process: bind two sockets, run the native proxy between them. Nothing else lives
// here, because the proxy's hazards (a process.exit() or an uncaught exception hangs while it runs) stay here too.
import { Socket } from "node:net";
import { Proxy as Forwarder, XPublisher, XSubscriber, type Socket as ZmqSocket } from "zeromq";
import { HIGH_WATER_MARK, MAX_SUBSCRIPTION_BYTES, MAX_WIRE_BYTES } from "./limits.ts";

const [publishBind = "", subscribeBind = ""] = process.argv.slice(2);
const parent = new Socket({ fd: 3 });
// The provider is gone, whichever way it went. Only a signal ends a process in which the proxy runs.
const die = () => process.kill(process.pid, "SIGKILL");
parent
  .on("error", () => {})
  .on("close", die)
  .resume();

/** How long listeners may take to be sent what was said last, in milliseconds. */
const LINGER_MS = 500;

const input = new XSubscriber({ linger: 0, receiveHighWaterMark: HIGH_WATER_MARK, maxMessageSize: MAX_WIRE_BYTES });
const output = new XPublisher({
  linger: LINGER_MS,
  sendHighWaterMark: HIGH_WATER_MARK,
  maxMessageSize: MAX_SUBSCRIPTION_BYTES,
});

run().catch(({ code, message, endpoint }: NodeJS.ErrnoException & { endpoint?: string }) => {
  parent.write(`${JSON.stringify({ failed: { code, message, endpoint } })}\n`);
});

async function run(): Promise<void> {
  const bound = { publish: await bind(input, publishBind), subscribe: await bind(output, subscribeBind) };
  // Subscribes to everything before the proxy runs: a publisher that sees this knows that what it sends arrives.
  await input.send(Buffer.from([1]));
  const proxy = new Forwarder(input, output);
  const running = proxy.run();
  // The provider leaves in order: what has passed the proxy still has to reach everybody.
  parent.once("data", () => proxy.terminate());
  parent.write(`${JSON.stringify({ bound })}\n`);
  await running;
  parent.off("close", die).destroy();
  input.close();
  output.close(); // the process ends once its context has sent what lingers
}

async function bind(socket: ZmqSocket, address: string): Promise<string> {
  try {
    await socket.bind(address);
    return socket.lastEndpoint ?? address;
  } catch (error) {
    throw Object.assign(error as Error, { endpoint: address });
  }
}
