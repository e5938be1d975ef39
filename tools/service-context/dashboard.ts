// What `service-context --http` adds: the dashboard's server beside the provider, and what they tell each other.
import { readFileSync, statSync } from "node:fs";
import type { ContextConfig } from "../../src/config/context-config.ts";
import { type ContextClient, connectContext } from "../../src/context/client/client.ts";
import type { Provider } from "../../src/context/provider/provider.ts";
import type { ProviderObserver } from "../../src/context/transaction/observer.ts";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { formatAddress, readAddress } from "../../src/http/address.ts";
import type { CommandAnswer, CommandRequest } from "../../src/http/api.ts";
import { startHttpServer } from "../../src/http/server.ts";
import type { KeptHistory } from "../../src/http/source.ts";
import type { Log } from "../../src/log.ts";
import type { Frame } from "../../src/protocol/codec.ts";
import { generateTransaction } from "../transaction-id.ts";
import { VERSION } from "../version.ts";
import { hearMonitor } from "./hear-monitor.ts";

export interface Dashboard extends AsyncDisposable {
  readonly observer: ProviderObserver;
  /** What the monitor publishes through, for the dashboard to hear it as well. */
  hearing(publish: (frame: Frame) => boolean): (frame: Frame) => boolean;
  show(provider: Provider): void;
}

const TOKEN_VARIABLE = "ZCONTEXT_HTTP_TOKEN";
/** Of a token that nobody guesses. */
const LEAST_LENGTH = 16;
/** Reading, and writing by the owner. */
const OTHERS = 0o077;

/**
 * Opens the dashboard, before there is a provider to show.
 *
 * @throws {ZcontextError} `ERR_USAGE`, `ERR_ENDPOINT_PUBLIC` or `ERR_ENDPOINT_IN_USE`.
 */
export async function openDashboard(
  { http, http_token }: { http: string; http_token?: string },
  { config, log, keptHistory }: { config: ContextConfig; log: Log; keptHistory?: KeptHistory | undefined },
): Promise<Dashboard> {
  const token = readToken(http_token, log);
  const address = readAddress(http, { hasToken: token !== undefined });
  const server = await startHttpServer({ address, token, version: VERSION, keptHistory, log });
  const { observer } = server;
  let client: Promise<ContextClient> | undefined;

  // The way of every other command: over the bus, where the provider decides.
  async function command(provider: Provider, { action, transaction, tasks }: CommandRequest): Promise<CommandAnswer> {
    client ??= connectContext(provider.endpoints, { timeoutMs: 5_000 });
    client.catch(() => {
      client = undefined;
    });
    const id = transaction ?? generateTransaction();
    const configuration = tasks === undefined ? {} : { TaskService: tasks.map((task) => ({ id: task })) };
    const { orders } = await (await client).command({ action, transaction: id, configuration });
    return { result: "success", transaction: id, orders };
  }

  return {
    observer,
    hearing: (publish) => hearMonitor(publish, observer),
    show(provider) {
      log.info({ url: `http://${formatAddress(server.address)}/`, commands: token !== undefined }, "dashboard ready");
      server.attach({
        config,
        contextId: () => provider.contextId,
        transactions: () => provider.watched(),
        inputFaults: () => provider.inputFaults,
        command: (request) => command(provider, request),
      });
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await (await client?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}

// The tasks must not inherit what would let them command.
function readToken(given: string | undefined, log: Log): string | undefined {
  const { [TOKEN_VARIABLE]: fromEnvironment } = process.env;
  delete process.env[TOKEN_VARIABLE];
  const word = given ?? fromEnvironment;
  if (word === undefined || word === "") return undefined;
  const isFile = word.startsWith("@");
  if (given !== undefined && !isFile)
    log.warn({ reason: "use --http-token @FILE, or ZCONTEXT_HTTP_TOKEN" }, "everybody on this machine sees the token");
  const token = isFile ? readTokenFile(word.slice(1)) : word;
  if (token.length >= LEAST_LENGTH && /^[!-~]+$/.test(token)) return token;
  throw new ZcontextError(
    "ERR_USAGE",
    `--http-token: expected ${LEAST_LENGTH} or more characters without white space`,
    {
      hint: "`openssl rand -hex 16 > FILE && chmod 600 FILE` makes one.",
    },
  );
}

function readTokenFile(path: string): string {
  try {
    const { mode } = statSync(path);
    const text = readFileSync(path, "utf8").trim();
    if ((mode & OTHERS) === 0) return text;
  } catch (cause) {
    throw new ZcontextError("ERR_USAGE", `--http-token: can't read ${path}: ${reasonOf(cause)}`, { cause });
  }
  throw new ZcontextError("ERR_USAGE", `--http-token: others may read or write ${path}`, {
    hint: `chmod 600 ${path}`,
  });
}
