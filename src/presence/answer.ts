// What a provider answers on its local socket, and the question: which context file it runs, and where it is reached.
import { once } from "node:events";
import { Socket } from "node:net";
import { text } from "node:stream/consumers";
import type { KeptTask } from "../config/kept.ts";
import { ZcontextError } from "../errors.ts";
import type { BusPlace } from "../protocol/bus-address.ts";
import type { Endpoints } from "../protocol/endpoints.ts";
import {
  text as anyText,
  count,
  id,
  listOf,
  type ObjectSchema,
  type Output,
  object,
  optional,
  read,
} from "../protocol/schema.ts";
import { FILE_CLAIM } from "./kinship.ts";

/** What a provider says about itself. */
export interface Presence {
  /** Of this one provider process: a pid may come again, and each container counts its own. */
  instance: string;
  pid: number;
  contextId: string;
  /** Where peers connect; absent while it is still starting. */
  endpoints?: Endpoints | undefined;
  /** Where the engine of its messages is reached by this machine's programs. */
  bus?: BusPlace | undefined;
  /** The tasks of its file as it has read them. */
  tasks?: readonly KeptTask[] | undefined;
  /** Which tasks it restarts together, as its file had it. */
  strategy?: string | undefined;
  /** Where its journal, its logs and its history are, and what their names begin with. */
  state?: { folder: string; name: string } | undefined;
}

const PRESENCE: ObjectSchema<Presence> = object({
  instance: id,
  pid: count,
  contextId: anyText,
  endpoints: optional(object({ publish: anyText, subscribe: anyText })),
  bus: optional(object({ url: anyText, dialect: optional(anyText), claimStore: optional(anyText) })),
  tasks: optional(listOf(object({ id, command: anyText, supervision: anyText }), "a list of tasks")),
  strategy: optional(anyText),
  state: optional(object({ folder: anyText, name: anyText })),
});
const ANSWER = object({ presence: PRESENCE, claim: FILE_CLAIM });
export type Answer = Output<typeof ANSWER>;

/** How long a provider may take to answer, in milliseconds: on a busy machine it waits for its turn. */
const ANSWER_MS = 5_000;

/**
 * What a provider answers; undefined where no process listens.
 *
 * @throws {ZcontextError} `ERR_REQUEST_TIMEOUT`.
 */
export async function ask(path: string, contextFile: string): Promise<Answer | undefined> {
  const socket = new Socket();
  try {
    socket.connect(path);
    await once(socket, "connect");
  } catch (error) {
    // A full queue of connections that are not accepted: the socket has a holder.
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") throw unanswered(contextFile);
    return undefined;
  }
  // A provider that is halted or too busy holds the socket all the same.
  socket.setTimeout(ANSWER_MS, () => socket.destroy(unanswered(contextFile)));
  try {
    return readAnswer(await text(socket));
  } catch (error) {
    throw error instanceof ZcontextError ? error : hungUp(contextFile, error);
  } finally {
    socket.destroy();
  }
}

// A provider without descriptors, or one that is killed while it answers, sends nothing or half an answer.
function readAnswer(answer: string): Answer {
  const { value, misfit } = read(ANSWER, JSON.parse(answer));
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
