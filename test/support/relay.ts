// A connection that can be cut: a relay between a peer and what it connects to.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Relay extends AsyncDisposable {
  /** Where the peer connects. */
  readonly endpoint: string;
  /** Ends every connection, and resolves when the peers have ended theirs. New connections are accepted, and wait. */
  cut(): Promise<void>;
  /** Keeps back from now on what is sent, and tells nobody. */
  halt(): void;
  /** Lets waiting and new connections through. @param to - From here on they lead to this endpoint. */
  mend(to?: string): void;
}

/**
 * Passes on to `endpoint` what is sent here, and what is answered.
 *
 * @param host - Where it listens.
 */
export async function startRelay(endpoint: string, host = "127.0.0.1"): Promise<Relay> {
  let { port: target } = new URL(endpoint);
  const connections = new Map<Socket, Socket>();
  let isWhole = true;

  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect(Number(target), "127.0.0.1");
    connections.set(near, far);
    near.on("error", () => {}).on("close", () => far.destroy());
    far.on("error", () => {}).on("close", () => near.end());
    if (isWhole) near.pipe(far).pipe(near);
  }).listen(0, host);
  await once(server, "listening");

  async function end(): Promise<void> {
    const ends = [...connections].map(async ([near, far]) => {
      connections.delete(near);
      near.unpipe(far).resume();
      far.destroy();
      if (!near.closed) await once(near, "close");
    });
    await Promise.all(ends);
  }

  return {
    endpoint: `tcp://${host}:${(server.address() as AddressInfo).port}`,
    cut() {
      isWhole = false;
      return end();
    },
    halt() {
      isWhole = false;
      for (const [near, far] of connections) {
        near.unpipe().pause();
        far.unpipe().pause();
      }
    },
    mend(to = endpoint) {
      target = new URL(to).port;
      if (isWhole) return;
      isWhole = true;
      for (const [near, far] of connections) near.pipe(far).pipe(near);
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const [near, far] of connections) {
        near.destroy();
        far.destroy();
      }
    },
  };
}
