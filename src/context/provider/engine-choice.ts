// Which engine has the messages of a context: its own broker, or a server that its file or the environment names; and what
// every task is told of that server. Pure.
import { resolve } from "node:path";
import type { Messaging } from "../../config/model.ts";
import { ZcontextError } from "../../errors.ts";
import {
  type BusPlace,
  DIALECTS,
  dialectFault,
  durabilityFault,
  exposed,
  exposureOf,
  insecurely,
  readBusUrl,
  readStoreUrl,
  type ServerUrl,
} from "../../protocol/bus-address.ts";
import {
  BUS_CA_FILE,
  BUS_CERT_FILE,
  BUS_CLAIM_STORE,
  BUS_CREDENTIALS_FILE,
  BUS_DIALECT,
  BUS_KEY_FILE,
  BUS_PASS,
  BUS_TOKEN,
  BUS_URL,
  BUS_USER,
} from "../../protocol/environment.ts";

export interface ChosenServer {
  /** What may be printed of it. */
  place: BusPlace;
  /** For each task: the URL, and all that lets it in. */
  environment: Readonly<Record<string, string>>;
  warnings: readonly string[];
}

/**
 * The server that has the messages of a context; undefined where its own broker has them. The environment wins over the file.
 * A URL of another context's broker in it is not meant: the provider may be a task of that.
 *
 * @throws {ZcontextError} `ERR_ENGINE_MISSING`, `ERR_USAGE` for a URL; `ERR_ENGINE_UNFIT` for what its engine can't do;
 *   `ERR_ENGINE_REFUSED` where credentials would travel unencrypted to another machine.
 */
export function chooseServer(messaging: Messaging, environment: Readonly<NodeJS.ProcessEnv>): ChosenServer | undefined {
  const given = (name: string) => environment[name] || undefined;
  const own = given(BUS_URL);
  const fromEnvironment = own === undefined ? undefined : readBusUrl(own);
  const isOurs = fromEnvironment !== undefined && fromEnvironment.engine !== "zeromq";
  const bus = isOurs ? fromEnvironment : messaging.url === undefined ? undefined : readBusUrl(messaging.url);
  if (bus === undefined || bus.engine === "zeromq") return undefined;

  const dialect = dialectOf(given(BUS_DIALECT) ?? messaging.dialect);
  const fault = durabilityFault(messaging.durability) ?? (dialect && dialectFault(bus.engine, dialect));
  if (fault !== undefined) throw new ZcontextError("ERR_ENGINE_UNFIT", `<Messaging>: ${fault}`);

  // What it is told of the broker of another context does not let anybody into a server.
  const token = fromEnvironment?.engine === "zeromq" ? undefined : given(BUS_TOKEN);
  const told = { [BUS_USER]: given(BUS_USER), [BUS_PASS]: environment[BUS_PASS], [BUS_TOKEN]: token };
  const login = bus.login === undefined ? told : loginVariables(bus.login);
  const hasLogin =
    Object.values(login).some((value) => value !== undefined) || given(BUS_CREDENTIALS_FILE) !== undefined;
  const store = given(BUS_CLAIM_STORE) ?? messaging.claimStore;
  const claims = store === undefined ? undefined : readStoreUrl(store);
  const open = warningsOf(bus, hasLogin, "messages");
  const isWarned = bus.isInsecure || open.length > 0;
  return {
    place: { url: bus.url, dialect, claimStore: claims?.url },
    environment: onlyGiven({
      // They need not warn once more.
      [BUS_URL]: isWarned ? insecurely(bus.url) : bus.url,
      ...login,
      ...Object.fromEntries(FILES.map((name) => [name, resolved(given(name))])),
      [BUS_CLAIM_STORE]: store,
      [BUS_DIALECT]: dialect,
    }),
    warnings: [...open, ...(claims ? warningsOf(claims, claims.login !== undefined, "large messages") : [])],
  };
}

/** Tasks run in other folders. */
const FILES = [BUS_CREDENTIALS_FILE, BUS_CA_FILE, BUS_CERT_FILE, BUS_KEY_FILE];
const resolved = (path: string | undefined) => path && resolve(path);

function dialectOf(text: string | undefined) {
  const dialect = DIALECTS.find((known) => known === text);
  if (text === undefined || dialect !== undefined) return dialect;
  throw new ZcontextError("ERR_USAGE", `${BUS_DIALECT}: expected one of ${DIALECTS.join(", ")}, got ${text}`);
}

function loginVariables(login: NonNullable<ServerUrl["login"]>): Record<string, string | undefined> {
  return "token" in login ? { [BUS_TOKEN]: login.token } : { [BUS_USER]: login.user, [BUS_PASS]: login.pass };
}

function warningsOf(server: ServerUrl, hasLogin: boolean, what: string): string[] {
  const exposure = exposureOf(server, hasLogin);
  if (exposure === "refused") throw exposed(server.url);
  return exposure === "open"
    ? [`${what} travel unencrypted to ${server.url}, where others may read and send them`]
    : [];
}

function onlyGiven(variables: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}
