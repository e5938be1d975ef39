// Names of events, groups, services and methods. Pure.
import { ZcontextError } from "../errors.ts";

/** Splits the name of an event at its first dot. @throws {ZcontextError} `ERR_EVENT_NAME`. */
export function parseEventName(name: string): { domain: string; type: string } {
  return split(name, "ERR_EVENT_NAME", "event", "domain.type, such as orders.created");
}

/** Splits the name of a method at its first dot. @throws {ZcontextError} `ERR_METHOD_UNKNOWN`. */
export function parseMethodName(name: string): { service: string; method: string } {
  const { domain, type } = split(name, "ERR_METHOD_UNKNOWN", "method", "service.method, such as billing.get_invoice");
  return { service: domain, method: type };
}

/** What a name consists of. */
interface Parts {
  domain: string;
  type: string;
}

/** Found once for each name, up to a bound: messages are many, and their names few. */
const known = new Map<string, Parts>();
const MAX_KNOWN = 1_000;

function split(name: string, code: "ERR_EVENT_NAME" | "ERR_METHOD_UNKNOWN", kind: string, expected: string): Parts {
  const found = known.get(name);
  if (found !== undefined) return found;
  const dot = name.indexOf(".");
  const [domain, type] = [name.slice(0, dot), name.slice(dot + 1)];
  if (dot < 1 || !isName(domain) || !isName(type))
    throw new ZcontextError(code, `${kind} ${JSON.stringify(name)}: expected ${expected}`);
  const parts = { domain, type };
  if (known.size < MAX_KNOWN) known.set(name, parts);
  return parts;
}

const LONGEST = 200;

/** Whether a text can be a name: printable, without white space, of at most 200 characters. */
export function isName(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST && /^[^\s\p{C}]+$/u.test(text);
}
