// The local socket of a provider: it answers for as long as it is held, and comes back where somebody has cleared it away.
import { once } from "node:events";
import { lstatSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { type Answer, ask } from "./answer.ts";
import { openRunFolder } from "./run-folder.ts";

/** How often the socket is looked for, which others may clear away, in milliseconds. */
const LOOK_MS = 2_000;
/** A socket that nobody listens on any more is removed once it is so old, in milliseconds. */
const STALE_MS = 60_000;
/** Of the folder in which a provider's broker has its socket. */
export const BROKER_ENDING = ".bus";

/** Answers on a socket for as long as it is held, also after somebody has cleared it away. */
export async function listenAt(
  path: string,
  answer: () => Promise<Answer>,
  assertNobodys: () => Promise<void>,
): Promise<AsyncDisposable> {
  await removeStale(dirname(path));
  let server = await bind(path, answer).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    // Its holder has come meanwhile, or was killed: a socket file outlives its process.
    await assertNobodys();
    await rm(path, { force: true });
    return bind(path, answer);
  });
  let mending: Promise<void> | undefined;
  const looks = setInterval(() => {
    if (inodeOf(path) !== undefined) return;
    mending ??= mend().finally(() => {
      mending = undefined;
    });
  }, LOOK_MS).unref();

  // Fails as long as there is no folder for it; the next look tries again.
  async function mend(): Promise<void> {
    if ((await openRunFolder()) !== dirname(path)) return;
    await close(server);
    const next = await bind(path, answer).catch(() => undefined);
    server = next ?? server;
  }

  return {
    async [Symbol.asyncDispose]() {
      clearInterval(looks);
      await mending;
      await close(server);
    },
  };
}

async function bind(path: string, answer: () => Promise<Answer>): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    answer().then(
      (said) => socket.end(JSON.stringify(said), () => socket.destroy()),
      () => socket.destroy(),
    );
  });
  // Other users may ask as well.
  server.listen({ path, readableAll: true, writableAll: true });
  await once(server, "listening");
  return server.unref();
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  await once(server, "close");
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** Removes what killed providers have left. One that was removed by mistake comes back by itself. */
async function removeStale(folder: string): Promise<void> {
  const paths = (await readdir(folder)).map((name) => join(folder, name));
  await Promise.all(
    paths.map(async (path) => {
      const found = await stat(path).catch(() => undefined);
      if (found === undefined || Date.now() - found.mtimeMs < STALE_MS) return;
      // The folder of a broker belongs to the provider with the socket of the same name.
      const socket = path.endsWith(BROKER_ENDING) ? path.slice(0, -BROKER_ENDING.length) : path;
      const isHeld = await ask(socket, socket).catch(() => true);
      if (isHeld === undefined) await rm(path, { recursive: true, force: true });
    }),
  );
}
