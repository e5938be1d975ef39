// The cookie in a process's environment says which provider and which run it belongs to. Descendants inherit it, also those
// that fork twice and start a session to detach themselves. Pure.

/** The name of the environment variable. */
export const COOKIE = "ZCONTEXT_COOKIE";

export interface Cookie {
  /** The context; the same for every provider of its file. */
  context: string;
  /** One provider process. */
  provider: string;
  /** One run of a task, `FORWARDER_RUN` or `BROKER_RUN`. */
  run: string;
}

/** Stands for a run in the cookie of the forwarder process. */
export const FORWARDER_RUN = "forwarder";
/** And in that of the broker process. */
export const BROKER_RUN = "broker";

const FORM = /^([A-Za-z0-9-]+):([A-Za-z0-9-]+):([A-Za-z0-9-]+)$/;

/** @throws {TypeError} when one of the three holds more than letters, digits and dashes. */
export function writeCookie({ context, provider, run }: Cookie): string {
  const text = [context, provider, run].join(":");
  if (!FORM.test(text))
    throw new TypeError(`expected a cookie of three words, each of letters, digits and dashes, got "${text}"`);
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
