// The dialect `igz`: signals and calls are plain JSON on subjects, with no header of ours, as an older kind of program sends
// and expects them. What is published or asked and is no object travels as `{"message": value}`; answers are as they are.
// Events are those of the engine.
import { reasonOf, ZcontextError } from "../../../errors.ts";
import type { Answer, Engine, OutgoingCall } from "../../contract/engine.ts";
import type { Post } from "../../remote/post.ts";
import { wordOf } from "../../remote/subjects.ts";
import type { Link } from "./link.ts";
import { abortOf, callPlainly, late, servePlainly } from "./plain-calls.ts";

type Spoken = Pick<Engine, "publish" | "call" | "serve">;

export function speakIgz(link: Link, post: Post, random: (digits: number) => string): Spoken {
  return {
    publish({ topic, body, attachments }) {
      if (attachments.length > 0)
        throw new ZcontextError("ERR_ENGINE_UNFIT", `signal on ${topic}: the dialect igz has no attachments`, {
          hint: "Publish them as content, or without the dialect.",
        });
      post.send(wordOf(topic), { head: "", body: Buffer.from(wrapped(body)) });
    },
    async call(call, signal) {
      const body = Buffer.from(wrapped(call.body.toString()));
      const isUp = link.attempt(async () => "up").catch((error: unknown) => error);
      const reached = await Promise.race([isUp, abortOf(signal)]);
      if (reached === "aborted") return late(call, signal.reason, "no");
      if (reached !== "up") return away(call, reasonOf(reached));
      return (await callPlainly(link, { ...call, body }, signal)) ?? absent(call.service, call.method);
    },
    serve: (service, _, handler) => servePlainly(post, service, handler, random),
  };
}

/** JSON of an object as it is, of anything else in one. */
function wrapped(json: string): string {
  return json.trimStart().startsWith("{") ? json : `{"message":${json}}`;
}

function away({ service, method }: OutgoingCall, reason: string): Answer {
  const message = `${service}.${method}: ${reason}`;
  return { failure: { code: "ERR_ENGINE_UNREACHABLE", message, retryable: true, executed: "no" } };
}

function absent(service: string, method: string): Answer {
  const message = `${service}.${method}: no program answers it`;
  return { failure: { code: "ERR_SERVICE_UNKNOWN", message, retryable: true, executed: "no" } };
}
