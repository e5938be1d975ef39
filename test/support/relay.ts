// A connection that can be cut: a relay between a peer and what it connects to.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Deferred, deferred } from "../../src/deferred.ts";

export interface Relay extends AsyncDisposable {
  /** Where the peer connects. */
  readonly endpoint: string;
  /** Ends every connection, and resolves when the peers have ended theirs. New connections are accepted, and wait. */
  cut(): Promise<void>;
  /** Lets waiting and new connections through. */
  mend(): void;
}

/** Passes on to `endpoint` what is sent here, and what is answered. */
export async function startRelay(endpoint: string): Promise<Relay> {
  const { port: target } = new URL(endpoint);
  const connections = new Map<Socket, Socket>();
  let whole: Deferred<void> = deferred();
  whole.resolve();

  const server = createServer({ allowHalfOpen: true }, async (near) => {
    const far = connect(Number(target), "127.0.0.1");
    connections.set(near, far);
    near.on("error", () => {}).on("close", () => far.destroy());
    far.on("error", () => {}).on("close", () => near.end());
    await whole.promise;
    near.pipe(far).pipe(near);
  }).listen(0, "127.0.0.1");
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
    endpoint: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      whole = deferred();
      return end();
    },
    mend: () => whole.resolve(),
    async [Symbol.asyncDispose]() {
      whole.resolve();
      server.close();
      for (const [near, far] of connections) {
        near.destroy();
        far.destroy();
      }
    },
  };
}
