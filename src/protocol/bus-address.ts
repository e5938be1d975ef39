// What the URL of an engine or of a claim store says: what is there, on which hosts, whether the connection is encrypted, and
// who logs in. No message quotes a URL with what stands before its last @, which may be a password. Pure.
import { ZcontextError } from "../errors.ts";
import { didYouMean } from "../suggest.ts";
import { hostOf, isLoopback, isReachable } from "./endpoints.ts";

/** The engines that a URL can name; `zeromq` is the embedded one, whose broker belongs to a context. */
export type EngineName = "zeromq" | "nats" | "rabbitmq";

/** Who logs in: by name and password, or by a token alone. */
export type UrlLogin = { user: string; pass: string } | { token: string };

export interface ServerUrl {
  /** Without credentials, so that it can be printed. */
  url: string;
  /** That of the URL, decoded. */
  login: UrlLogin | undefined;
  isEncrypted: boolean;
  /** Whether every host is this machine. */
  isLocal: boolean;
  /** Whether it says `insecure=true`: credentials may travel unencrypted. */
  isInsecure: boolean;
}

export type ServerBus = { engine: Exclude<EngineName, "zeromq"> } & ServerUrl;
export type BusUrl = { engine: "zeromq"; url: string } | ServerBus;

/** Where the programs of a context find its engine; without credentials. */
export interface BusPlace {
  url: string;
  /** How messages look to programs of another kind. */
  dialect?: string | undefined;
  /** The URL of the store of large bodies. */
  claimStore?: string | undefined;
}

interface Scheme<Kind> {
  is: Kind;
  isEncrypted: boolean;
  /** What a path may be; by default there is none. */
  path?: { expected: string; accepts: RegExp };
  /** Parameters beside `insecure`, which are left in the URL; by default there are none. */
  parameters?: { expected: string; accepts: RegExp };
}

const VHOST = { expected: "one word for the virtual host", accepts: /^\/[^/]*$/ };
const DATABASE = { expected: "the number of a database", accepts: /^\/\d{0,3}$/ };

/** How events are kept. */
const KEEPING = {
  expected: "storage=memory, replicas=3 or insecure=true",
  accepts: /^(storage=(file|memory)|replicas=[1-5])$/,
};

type Schemes<Kind> = Readonly<Record<string, Scheme<Kind>>>;

const ENGINES: Schemes<EngineName> = {
  ipc: { is: "zeromq", isEncrypted: false },
  tcp: { is: "zeromq", isEncrypted: false },
  nats: { is: "nats", isEncrypted: false, parameters: KEEPING },
  "tls+nats": { is: "nats", isEncrypted: true, parameters: KEEPING },
  amqp: { is: "rabbitmq", isEncrypted: false, path: VHOST },
  amqps: { is: "rabbitmq", isEncrypted: true, path: VHOST },
};
const STORES: Schemes<"redis"> = {
  redis: { is: "redis", isEncrypted: false, path: DATABASE },
  rediss: { is: "redis", isEncrypted: true, path: DATABASE },
};
const HUBS: Schemes<"mqtt"> = {
  mqtt: { is: "mqtt", isEncrypted: false },
  mqtts: { is: "mqtt", isEncrypted: true },
};

/**
 * Reads the URL of an engine, such as `nats://10.0.0.1:4222,10.0.0.2:4222` or `amqps://shop:secret@mq.example.org/orders`.
 *
 * @throws {ZcontextError} `ERR_ENGINE_MISSING` for a scheme that no engine has, `ERR_USAGE` for what is no such URL.
 */
export function readBusUrl(text: string): BusUrl {
  const scheme = schemeOf(text, ENGINES);
  if (scheme === undefined) throw unknownScheme(text, "engine", ENGINES);
  const { is: engine } = scheme;
  return engine === "zeromq" ? { engine, url: text } : { engine, ...readServer(text, scheme) };
}

/**
 * Reads the URL of a claim store, such as `redis://10.0.0.1:6379/2`.
 *
 * @throws {ZcontextError} `ERR_ENGINE_MISSING` for a scheme that no store has, `ERR_USAGE` for what is no such URL.
 */
export function readStoreUrl(text: string): ServerUrl {
  const scheme = schemeOf(text, STORES);
  if (scheme === undefined) throw unknownScheme(text, "claim store", STORES);
  return readServer(text, scheme);
}

/**
 * Reads the URL of the broker between a node and its hub, such as `mqtts://broker.example.org:8883`.
 *
 * @throws {ZcontextError} `ERR_ENGINE_MISSING` for a scheme that is not known, `ERR_USAGE` for what is no such URL.
 */
export function readHubUrl(text: string): ServerUrl {
  const scheme = schemeOf(text, HUBS);
  if (scheme === undefined) throw unknownScheme(text, "hub", HUBS);
  return readServer(text, scheme);
}

/** How messages look to programs of another kind, and at which engine. */
export const DIALECTS = ["twyla", "igz"] as const;
export type Dialect = (typeof DIALECTS)[number];
const SPOKEN_AT: Record<Dialect, EngineName> = { twyla: "rabbitmq", igz: "nats" };

/** Why an engine has no such dialect; undefined where it may have it. */
export function dialectFault(engine: EngineName, dialect: Dialect): string | undefined {
  return SPOKEN_AT[dialect] === engine
    ? undefined
    : `${dialect} is a dialect of ${SPOKEN_AT[dialect]}, not of ${engine}`;
}

/** Why a server can't be asked for a durability; undefined where it has it. */
export function durabilityFault(durability: string): string | undefined {
  return durability === "sync"
    ? "expected memory or file with a server: its own configuration says whether it flushes"
    : undefined;
}

/** What a context file may name: a server. Its broker is its own, and needs no URL. */
export const SERVER_SCHEMES = Object.keys(ENGINES).filter((name) => ENGINES[name]?.is !== "zeromq");

/** A URL as it may be printed, whatever it is: without what stands before its last @ or behind a question mark. */
export function withoutLogin(url: string): string {
  return url.replace(/^([a-z0-9+.-]*:\/\/)?.*@/is, "$1").replace(/\?.*$/s, "");
}

/**
 * What is wrong with a connection that others may read on its way: `refused` with credentials, `open` without; undefined
 * where it is encrypted, stays on this machine, or the URL says that it may be so.
 */
export function exposureOf(
  { isEncrypted, isLocal, isInsecure }: ServerUrl,
  hasLogin: boolean,
): "refused" | "open" | undefined {
  if (isEncrypted || isLocal || isInsecure) return undefined;
  return hasLogin ? "refused" : "open";
}

/** The refusal of such a connection. */
export function exposed(url: string): ZcontextError {
  return new ZcontextError("ERR_ENGINE_REFUSED", `${url}: credentials would travel unencrypted to another machine`, {
    hint: `Use an encrypted connection, or say that the way is safe: ${insecurely(url)}`,
  });
}

/** A URL that says that credentials may travel unencrypted. */
export function insecurely(url: string): string {
  return `${url}${url.includes("?") ? "&" : "?"}insecure=true`;
}

function schemeOf<Kind>(text: string, known: Schemes<Kind>): Scheme<Kind> | undefined {
  const name = nameOfScheme(text);
  return Object.hasOwn(known, name) ? known[name] : undefined;
}

function nameOfScheme(text: string): string {
  return (/^([a-z0-9+.-]+):\/\//i.exec(text)?.[1] ?? "").toLowerCase();
}

function unknownScheme(text: string, what: string, known: Schemes<string>): ZcontextError {
  const names = Object.keys(known);
  const got = `${withoutLogin(text)}${didYouMean(nameOfScheme(text), names)}`;
  return new ZcontextError("ERR_ENGINE_MISSING", `no ${what} has the URL ${got}`, {
    hint: `Known are ${names.map((name) => `${name}://`).join(", ")}.`,
  });
}

const NO_PARAMETERS = { expected: "no parameter but insecure=true", accepts: /$^/ };
const SERVER = /^[^:]+:\/\/(?:(.*)@)?([^/?#@]*)(\/[^?#@]*)?(?:\?([^#@]*))?$/s;

function readServer(text: string, scheme: Scheme<string>): ServerUrl {
  const { is: kind, isEncrypted, path: pathRule, parameters: { expected, accepts } = NO_PARAMETERS } = scheme;
  const [, login, hosts = "", path = "", query = ""] = SERVER.exec(text) ?? [];
  const refuse = (expected: string) =>
    new ZcontextError("ERR_USAGE", `${withoutLogin(text)}: expected ${expected}`, {
      hint: "A sign such as @, / or % in a name or a password is written as %40, %2F or %25.",
    });
  const names = hosts.split(",").map(hostName);
  if (names.includes(undefined)) throw refuse(`${nameOfScheme(text)}://host:port`);
  if (!(path === "" || path === "/" || pathRule?.accepts.test(path)))
    throw refuse(pathRule === undefined ? "no path behind the host" : `${pathRule.expected} behind the host`);
  const parameters = query === "" ? [] : query.split("&");
  const kept = parameters.filter((parameter) => !/^insecure=(true|false)$/.test(parameter));
  if (!kept.every((parameter) => accepts.test(parameter))) throw refuse(expected);
  return {
    url: `${nameOfScheme(text)}://${hosts}${path === "/" ? "" : path}${kept.length > 0 ? `?${kept.join("&")}` : ""}`,
    login: login === undefined ? undefined : readLogin(login, kind, refuse),
    isEncrypted,
    isLocal: names.every((name) => name !== undefined && isLoopback(name)),
    isInsecure: parameters.includes("insecure=true"),
  };
}

/** The host of `host:port`, whose port may be missing; undefined where it is none. */
function hostName(text: string): string | undefined {
  const endpoint = [`tcp://${text}`, `tcp://${text}:1`].find(isReachable);
  return endpoint && hostOf(endpoint);
}

function readLogin(text: string, kind: string, refuse: (expected: string) => Error): UrlLogin {
  const colon = text.indexOf(":");
  const [user, pass] = colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
  const decode = (part: string) => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw refuse("a name and a password in which % begins a sign, such as %40");
    }
  };
  // A server of NATS may ask for a token alone, which its clients write so.
  if (pass === undefined && kind === "nats") return { token: decode(user) };
  if (pass === undefined) throw refuse("a name and a password, user:password@host");
  return { user: decode(user), pass: decode(pass) };
}
