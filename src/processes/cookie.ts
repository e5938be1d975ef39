// The cookie says whose a process is. It stands in the environment, which a process can't help inheriting: through a
// session of its own and a double fork it leads back to us. Pure.

/** The name of the variable. */
export const COOKIE = "ZCONTEXT_COOKIE";

export interface Cookie {
  /** Of the context: the same for every provider that ever runs it. */
  context: string;
  /** Of one life of a provider. */
  provider: string;
  /** Of one run of a task, or `FORWARDER_RUN`. */
  run: string;
}

/** The run of the forwarder process, which is no task. */
export const FORWARDER_RUN = "forwarder";

const FORM = /^([A-Za-z0-9-]+):([A-Za-z0-9-]+):([A-Za-z0-9-]+)$/;

/** @throws {TypeError} when one of the three is more than letters, digits and dashes. */
export function writeCookie({ context, provider, run }: Cookie): string {
  const text = [context, provider, run].join(":");
  if (!FORM.test(text)) throw new TypeError(`a cookie is made of three words, got "${text}"`);
  return text;
}

export function readCookie(text: string): Cookie | undefined {
  const [, context, provider, run] = FORM.exec(text) ?? [];
  return context && provider && run ? { context, provider, run } : undefined;
}

/** Finds the cookie in an environment as /proc/<pid>/environ shows it: `NAME=value`, each ended by a NUL. */
export function findCookie(environment: string): Cookie | undefined {
  const start = `\0${environment}`.indexOf(`\0${COOKIE}=`);
  if (start < 0) return undefined;
  const [variable = ""] = environment.slice(start).split("\0", 1);
  return readCookie(variable.slice(COOKIE.length + 1));
}
