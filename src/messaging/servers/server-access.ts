// How a program gets into a server: credentials and certificates, which the environment holds, or names the files of. What is
// secret stands in no message.
import { rootCertificates } from "node:tls";
import { ZcontextError } from "../../errors.ts";
import {
  exposed,
  exposureOf,
  readBusUrl,
  type ServerBus,
  type ServerUrl,
  withoutLogin,
} from "../../protocol/bus-address.ts";
import {
  BUS_CA_FILE,
  BUS_CERT_FILE,
  BUS_CREDENTIALS_FILE,
  BUS_KEY_FILE,
  BUS_PASS,
  BUS_TOKEN,
  BUS_URL,
  BUS_USER,
} from "../../protocol/environment.ts";
import { asPem, readPemFile, readSecretFile } from "../../secret-file.ts";
import type { ServerAddress } from "../contract/server.ts";

type Environment = Readonly<NodeJS.ProcessEnv>;
type Login = NonNullable<ServerAddress["login"]>;

/**
 * The address of a server with what lets this program in. The login of the URL wins over that of the environment, which is
 * for the server that its own URL names, and for any where it names none: another server is told nothing.
 *
 * @throws {ZcontextError} `ERR_ENVIRONMENT_INVALID` naming the variable; `ERR_ENGINE_REFUSED` where credentials would travel
 *   unencrypted to another machine.
 */
export async function engineAddress(server: ServerBus, environment: Environment = process.env): Promise<ServerAddress> {
  const { [BUS_URL]: own = "" } = environment;
  const meant = own === "" ? server : readBusUrl(own);
  if (withoutLogin(meant.url) !== withoutLogin(server.url)) return addressOf(server, server.login, {});
  const login = meant.engine === "zeromq" ? undefined : meant.login;
  return addressOf(server, server.login ?? login ?? (await loginOf(environment, server.engine)), environment);
}

/** That of a claim store, whose login is in its URL. @throws As `engineAddress`. */
export function storeAddress(server: ServerUrl, environment: Environment = process.env): Promise<ServerAddress> {
  return addressOf(server, server.login, environment);
}

async function addressOf(
  server: ServerUrl,
  login: Login | undefined,
  environment: Environment,
): Promise<ServerAddress> {
  const { url, isEncrypted } = server;
  if (exposureOf(server, login !== undefined) === "refused") throw exposed(url);
  return { url, ...(login && { login }), ...(isEncrypted && { tls: await tlsOf(environment) }) };
}

async function loginOf(environment: Environment, engine: string): Promise<Login | undefined> {
  const { [BUS_USER]: user, [BUS_PASS]: pass, [BUS_TOKEN]: token, [BUS_CREDENTIALS_FILE]: file } = environment;
  if (isGiven(user) || isGiven(pass)) {
    if (isGiven(user) && pass !== undefined) return { user, pass };
    throw invalid(`${isGiven(user) ? BUS_PASS : BUS_USER} is not set`, `It goes with ${BUS_USER} and ${BUS_PASS}.`);
  }
  if (isGiven(file)) return fileLogin(file, engine);
  return isGiven(token) && engine === "nats" ? { token } : undefined;
}

const FORM = "Write user=… and pass=… on a line each, or token=…; or use a credentials file of NATS as it is.";

async function fileLogin(path: string, engine: string): Promise<Login> {
  const text = await readSecretFile(BUS_CREDENTIALS_FILE, path);
  if (/^-----BEGIN NATS USER JWT-----$/m.test(text)) return { credentials: text };
  const values = new Map(
    text.split("\n").flatMap((line) => {
      const [, name, value] = /^\s*(user|pass|token)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
  const [user, pass, token] = ["user", "pass", "token"].map((name) => values.get(name));
  if (user !== undefined && pass !== undefined) return { user, pass };
  if (token !== undefined && engine === "nats") return { token };
  throw invalid(`${BUS_CREDENTIALS_FILE}: ${path} holds no credentials for ${engine}`, FORM);
}

async function tlsOf(environment: Environment): Promise<NonNullable<ServerAddress["tls"]>> {
  const { [BUS_CA_FILE]: ca, [BUS_CERT_FILE]: cert, [BUS_KEY_FILE]: key } = environment;
  if (isGiven(cert) !== isGiven(key))
    throw invalid(
      `${isGiven(cert) ? BUS_KEY_FILE : BUS_CERT_FILE} is not set`,
      "A certificate and its key go together.",
    );
  return {
    // Named authorities replace those of the system, unless they are named as well.
    ...(isGiven(ca) && { ca: [...rootCertificates, await readPemFile(BUS_CA_FILE, ca)].join("\n") }),
    ...(isGiven(cert) && { cert: await readPemFile(BUS_CERT_FILE, cert) }),
    ...(isGiven(key) && { key: asPem(BUS_KEY_FILE, key, await readSecretFile(BUS_KEY_FILE, key)) }),
  };
}

function isGiven(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}

function invalid(problem: string, hint: string): ZcontextError {
  return new ZcontextError("ERR_ENVIRONMENT_INVALID", problem, { hint });
}
