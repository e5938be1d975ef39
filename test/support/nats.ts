// A server of NATS for a test, on a free port with a folder of its own, and members of its engine in this process.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { createClosingStack } from "../../src/context/provider/closing-stack.ts";
import type { ServerEngine, ServerEngineOptions } from "../../src/messaging/contract/server.ts";
import { connectNats } from "../../src/messaging/engines/nats/nats-engine.ts";
import type { Members } from "../conformance/members.ts";
import { makeFolder } from "./folder.ts";
import { HERE, type ServerPlace } from "./machines.ts";
import { freePort, freePorts } from "./port.ts";

export interface NatsServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Ends it, and resolves when it has ended. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Starts it again, on the same port and folder. */
  start(): Promise<void>;
  /** Sends it a signal that does not end it. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
}

/** Large signals need large payloads; the limit is for what passes at once. */
const PAYLOAD = "max_payload: 16MB\nmax_pending: 256MB";

/**
 * @param store - The folder of its JetStream. Default: one of its own.
 * @param more - Lines of its configuration.
 */
export async function startNats({ jetstream = true, store = "", more = "", place = HERE } = {}): Promise<NatsServer> {
  return startOn(await freePort(), { jetstream, store, more, place });
}

/** Three servers that keep streams together. */
export async function startNatsCluster(): Promise<readonly NatsServer[]> {
  const [ports, routes] = [await freePorts(3), await freePorts(3)];
  const list = routes.map((route) => `nats://127.0.0.1:${route}`).join(", ");
  const cluster = (i: number) =>
    `server_name: s${i}\ncluster { name: c, listen: 127.0.0.1:${routes[i]}, routes: [ ${list} ] }`;
  return Promise.all(
    ports.map((port, i) => startOn(port, { jetstream: true, store: "", more: cluster(i), place: HERE })),
  );
}

async function startOn(
  port: number,
  { jetstream, store, more, place }: { jetstream: boolean; store: string; more: string; place: ServerPlace },
): Promise<NatsServer> {
  const folder = await makeFolder();
  // However small its disk is: by default it takes three quarters of what is free.
  const events = jetstream ? `jetstream { store_dir: "${store || folder.at("store")}", max_file_store: 100GB }` : "";
  const file = await folder.write("nats.conf", `listen: ${place.host}:${port}\n${PAYLOAD}\n${events}\n${more}\n`);
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const [program = "", ...words] = [...place.through, "nats-server", "-c", file];
    const started = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
    child = started;
    const said: string[] = [];
    for await (const line of createInterface({ input: started.stderr })) {
      said.push(line);
      if (!line.includes("Server is ready")) continue;
      started.stderr.resume();
      return;
    }
    throw new Error(`nats-server has not started:\n${said.join("\n")}`);
  }

  async function stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const stopping = child;
    child = undefined;
    if (stopping === undefined || stopping.exitCode !== null || stopping.signalCode !== null) return;
    stopping.kill(signal);
    await once(stopping, "exit");
  }

  await start();
  return {
    ...{ port, url: `nats://${place.host}:${port}`, start, stop },
    signal: (signal) => void child?.kill(signal),
    async [Symbol.asyncDispose]() {
      await stop("SIGKILL");
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Members that are alone on a server: when they end, nothing is left there for others. */
export async function openNatsMembers(
  url: string,
  options: Pick<ServerEngineOptions, "dialect"> = {},
): Promise<Members & { connect(src: string): Promise<ServerEngine> }> {
  const stack = createClosingStack();
  return {
    connect: async (src) => stack.add(connectNats({ address: { url }, src, ...options })),
    async [Symbol.asyncDispose]() {
      await stack.close();
      await emptyServer(url);
    },
  };
}

async function emptyServer(url: string): Promise<void> {
  await administer(url, async ({ streams }) => {
    const names: string[] = [];
    for await (const name of streams.names()) names.push(name);
    await Promise.all(names.map((name) => streams.delete(name)));
  });
}

/** Does what an operator of the server does. */
export async function administer<T>(url: string, act: (manager: JetStreamManager) => Promise<T>): Promise<T> {
  const connection = await connect({ servers: url.replace("nats://", "") });
  try {
    return await act(await jetstreamManager(connection));
  } finally {
    await connection.close();
  }
}
