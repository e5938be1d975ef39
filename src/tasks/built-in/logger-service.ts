// The built-in instance Logger: has Com send the hub what services say by `debug`, `warning`, `throwError` and `track`, while the
// hub wants it. What they print is on the terminal in any case.
import { isForwarded } from "../../hub/com/node-state.ts";
import { LOG_LEVELS, type LogLine } from "../../hub/contract/shapes.ts";
import { INITIAL_STATE } from "../../hub/contract/twin.ts";
import type { Inbox } from "../../link/inbox.ts";
import { connectInbox } from "../../link/link.ts";
import type { Frame } from "../../protocol/codec.ts";
import { isObject, type Json } from "../../protocol/json.ts";
import { flag, object, read } from "../../protocol/schema.ts";
import { defineService, defineTask, ServiceError } from "../define.ts";
import type { InnerScope } from "../scope.ts";
import { assertOwn } from "./internal-service.ts";

let forwarding = { debug: false, tracking: false };
let inbox: Inbox | undefined;

export default defineService({
  name: "logger",
  description: "Passes lines of services on to the hub of this node",
  task: defineTask<unknown>({
    async start(scope) {
      assertOwn(scope);
      const { endpoints } = scope as InnerScope<unknown>;
      inbox = await connectInbox(endpoints.subscribe, {
        topics: ["log"],
        timeoutMs: 0,
        onFrame(frame) {
          const line = lineIn(frame);
          // Without Com there is no hub that it could reach.
          if (line !== undefined && isForwarded(forwarding, line.level)) scope.ask("com", "Log", line).catch(() => {});
        },
      });
      // Com says so as well when it starts or is told something else.
      scope.ask("com", "State").then(
        (state) => {
          forwarding = readForwarding(state) ?? INITIAL_STATE;
        },
        () => {},
      );
    },
    async stop(scope) {
      assertOwn(scope);
      await inbox?.close();
    },
    actions: {
      Forward(given: Json, { source }) {
        if (source !== "com") throw new ServiceError("ERR_SERVICE_INTERNAL", "Com alone says what the hub gets");
        forwarding = readForwarding(given) ?? forwarding;
      },
    },
  }),
});

const FORWARDING = object({ debug: flag, tracking: flag });

function readForwarding(value: unknown) {
  return read(FORWARDING, value).value;
}

/** What a service has said, in a frame on `log`; undefined for anything else there. */
function lineIn({ body }: Frame): LogLine | undefined {
  const { header, content } = isObject(body) ? body : {};
  if (!isObject(header) || !isObject(content)) return undefined;
  const { service_name: source } = header;
  const { text, code, description } = content;
  const level = LOG_LEVELS.find((one) => one === content.level);
  if (typeof source !== "string" || typeof text !== "string" || level === undefined) return undefined;
  return {
    time: new Date().toISOString(),
    source,
    level,
    text,
    ...(typeof code === "number" && { code }),
    ...(typeof description === "string" && { description }),
  };
}
