// Names of queues, which have to fit into a URL, a subject, a topic and a queue of any protocol. Pure.
import { ZcontextError } from "../../errors.ts";

const LONGEST = 200;
const PATTERN = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** @throws {ZcontextError} `ERR_QUEUE_NAME`. */
export function assertQueueName(name: unknown): asserts name is string {
  if (typeof name === "string" && name.length <= LONGEST && PATTERN.test(name)) return;
  const came = typeof name === "string" ? JSON.stringify(name) : typeof name;
  throw new ZcontextError("ERR_QUEUE_NAME", `queue ${came}: expected a name such as queue_1`, {
    hint: `Use letters, digits, _, - and . (not first), ${LONGEST} at most.`,
  });
}
