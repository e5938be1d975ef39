import { MAX_COUNTED } from "../counts.ts";

/**
 * Joins a service and a method to `service.method`. The same text is found each time, up to a bound: what is counted by a new one
 * is looked for by all of its letters.
 */
export function createMethodNames(): (service: string, method: string) => string {
  const known = new Map<string, Map<string, string>>();
  let size = 0;
  return (service, method) => {
    const found = known.get(service)?.get(method);
    if (found !== undefined) return found;
    const name = `${service}.${method}`;
    if (size >= MAX_COUNTED) return name;
    size += 1;
    const methods = known.get(service) ?? new Map<string, string>();
    known.set(service, methods.set(method, name));
    return name;
  };
}
