// One provider per context file, and a way to find it. The provider holds a local socket named after the file. No other
// process can hold it meanwhile, it is free the moment its holder dies, and it answers where the provider is reached.
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, type Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { ZcontextError } from "../../errors.ts";
import type { Endpoints } from "../../protocol/endpoints.ts";
import { text as anyText, count, type ObjectSchema, object, optional, read } from "../../protocol/schema.ts";
import { contextKeyOf } from "../journal/state-files.ts";

/** What a provider says about itself. */
export interface Presence {
  pid: number;
  contextId: string;
  /** Where peers connect; absent while it is still starting. */
  endpoints?: Endpoints | undefined;
}

const PRESENCE: ObjectSchema<Presence> = object({
  pid: count,
  contextId: anyText,
  endpoints: optional(object({ publish: anyText, subscribe: anyText })),
});

export interface HeldPresence extends AsyncDisposable {
  update(presence: Presence): void;
}

/** How long a provider may take to say where it is, in milliseconds. */
const ANSWER_MS = 1_000;

/**
 * Takes the place of the one provider of a context file.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_RUNNING` naming the pid of the provider that has it.
 */
export async function holdPresence(contextFile: string, first: Presence): Promise<HeldPresence> {
  let presence = first;
  const server = createServer((socket) =>
    socket.on("error", () => {}).end(JSON.stringify(presence), () => socket.destroy()),
  );
  await listen(server, contextFile);
  server.unref();
  return {
    update(next) {
      presence = next;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

/**
 * The provider that runs a context file on this machine; undefined when there is none.
 *
 * @throws {ZcontextError} `ERR_REQUEST_TIMEOUT` when there is one, and it does not answer.
 */
export async function findPresence(contextFile: string): Promise<Presence | undefined> {
  const socket = new Socket();
  try {
    socket.connect(addressOf(contextFile));
    await once(socket, "connect");
  } catch (error) {
    // A full queue of connections that are not accepted: the socket has a holder.
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") throw unanswered(contextFile);
    return undefined;
  }
  // A provider that is halted or too busy holds the socket all the same.
  socket.setTimeout(ANSWER_MS, () => socket.destroy(unanswered(contextFile)));
  try {
    return readPresence(await text(socket));
  } catch (error) {
    throw error instanceof ZcontextError ? error : hungUp(contextFile, error);
  } finally {
    socket.destroy();
  }
}

// A provider without descriptors, or one that is killed while it answers, sends nothing or half an answer.
function readPresence(answer: string): Presence {
  const { value, misfit } = read(PRESENCE, JSON.parse(answer));
  if (misfit === undefined) return value;
  throw new TypeError(`expected ${misfit.expected} in ${misfit.field || "the answer"}`);
}

function unanswered(contextFile: string): ZcontextError {
  return new ZcontextError(
    "ERR_REQUEST_TIMEOUT",
    `the provider of ${contextFile} does not answer within ${ANSWER_MS / 1_000} s`,
    {
      hint: "It is halted or overloaded; look at its log.",
    },
  );
}

function hungUp(contextFile: string, cause: unknown): ZcontextError {
  return new ZcontextError("ERR_REQUEST_TIMEOUT", `the provider of ${contextFile} does not answer: it has hung up`, {
    hint: "It has no file descriptors left, or has just ended; look at its log.",
    cause,
  });
}

async function listen(server: Server, contextFile: string): Promise<void> {
  const address = addressOf(contextFile);
  try {
    await listenAt(server, address);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    const holder = await findPresence(contextFile).catch(() => "halted" as const);
    // An abstract address is free as soon as its holder is gone; a socket file outlives its holder.
    if (holder === "halted") throw running(contextFile, undefined);
    if (holder !== undefined || address.startsWith("\0")) throw running(contextFile, holder);
    rmSync(address, { force: true });
    await listenAt(server, address);
  }
}

async function listenAt(server: Server, address: string): Promise<void> {
  server.listen(address);
  await once(server, "listening");
}

function running(contextFile: string, holder: Presence | undefined): ZcontextError {
  const who = holder === undefined ? "another provider" : `the provider with pid ${holder.pid}`;
  return new ZcontextError("ERR_PROVIDER_RUNNING", `${contextFile} is already run by ${who}`, {
    hint: "Control that one with conf-command, or stop it first: `conf-command --action exit --context_file <file>`.",
  });
}

function addressOf(contextFile: string): string {
  const name = `zcontext-${contextKeyOf(contextFile)}`;
  return process.platform === "linux" ? `\0${name}` : join(tmpdir(), `${name}.sock`);
}
