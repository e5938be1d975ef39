// Correlates answers with requests: publishes a frame under a request id, repeats it until the answer with that id comes,
// and gives up after a time. It knows nothing of what frames say; the caller tells which of them answer a request.
//
// See Hohpe and Woolf, Enterprise Integration Patterns, "Correlation Identifier".
import { deferred } from "../deferred.ts";
import { ZcontextError } from "../errors.ts";
import type { Frame } from "../protocol/codec.ts";
import type { Endpoints } from "../protocol/endpoints.ts";
import { connectLink } from "./link.ts";

export interface Request {
  /** Unique; the frame carries it, and the answer repeats it. */
  id: string;
  frame: Frame;
  /** What is asked for, in error messages. */
  label: string;
}

/** Sends requests over a link of its own. */
export interface Requester<Answer> extends AsyncDisposable {
  /**
   * Publishes a request and waits for its answer.
   *
   * @throws {ZcontextError} `ERR_REQUEST_TIMEOUT` when no answer comes in time.
   */
  ask(request: Request): Promise<Answer>;
}

export interface RequesterOptions<Answer> {
  topics: readonly string[];
  /** Gets every frame that others publish on the topics; returns the answer in it and the id of its request, if any. */
  read(frame: Frame): { requestId: string; answer: Answer } | undefined;
  /** How long to wait for the forwarder, in milliseconds. Default 2_000. */
  timeoutMs?: number;
  /** How long to wait for an answer, in milliseconds. Default 5_000. */
  answerMs?: number;
}

/** Pause before an unanswered request is sent again, in milliseconds. */
const REPEAT_MS = 500;

/**
 * Connects to a forwarder in order to send requests.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_UNREACHABLE` as `connectLink`.
 */
export async function connectRequester<Answer>(
  endpoints: Endpoints,
  { topics, read, timeoutMs = 2_000, answerMs = 5_000 }: RequesterOptions<Answer>,
): Promise<Requester<Answer>> {
  const waiting = new Map<string, (answer: Answer) => void>();
  const timers = new Set<NodeJS.Timeout>();
  const link = await connectLink(endpoints, { topics, timeoutMs, hearsItself: false, onFrame });

  function onFrame(frame: Frame): void {
    const heard = read(frame);
    if (heard !== undefined) waiting.get(heard.requestId)?.(heard.answer);
  }

  async function ask({ id, frame, label }: Request): Promise<Answer> {
    const { promise, resolve, reject } = deferred<Answer>();
    const timer = setTimeout(() => reject(unanswered(label, answerMs)), answerMs);
    const send = () => void link.publish(frame);
    // A forwarder that dies may lose the request or the answer. The receiver recognizes a repetition by its id.
    const again = setInterval(send, REPEAT_MS);
    timers.add(timer).add(again);
    waiting.set(id, resolve);
    send();
    return promise.finally(() => {
      for (const one of [timer, again]) {
        clearTimeout(one);
        timers.delete(one);
      }
      waiting.delete(id);
    });
  }

  return {
    ask,
    async [Symbol.asyncDispose]() {
      // A pending request must not keep the process alive.
      timers.forEach(clearTimeout);
      await link.close();
    },
  };
}

function unanswered(label: string, timeoutMs: number): ZcontextError {
  return new ZcontextError("ERR_REQUEST_TIMEOUT", `no answer to "${label}" within ${timeoutMs / 1_000} s`, {
    hint: "The forwarder is there, but no provider answers behind it; look at the provider's log.",
  });
}
