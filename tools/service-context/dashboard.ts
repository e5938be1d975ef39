// What `service-context --http` adds: the dashboard's HTTP server, which shows the provider and sends it commands.
import { type ContextClient, connectContext } from "../../src/context/client/client.ts";
import type { Provider } from "../../src/context/provider/provider.ts";
import type { ProviderObserver } from "../../src/context/transaction/observer.ts";
import { formatAddress, readAddress } from "../../src/http/address.ts";
import type { CommandAnswer, CommandRequest } from "../../src/http/contract/api.ts";
import type { KeptHistory, KeptLogs } from "../../src/http/contract/source.ts";
import { startHttpServer } from "../../src/http/server.ts";
import type { Log } from "../../src/log.ts";
import { readHttpToken } from "../http-token.ts";
import { generateTransaction } from "../transaction-id.ts";
import { VERSION } from "../version.ts";
import { openDeadLetters } from "./dead-letters.ts";
import { type Publish, tapMonitor } from "./monitor-tap.ts";

export interface Dashboard extends AsyncDisposable {
  readonly observer: ProviderObserver;
  /** Wraps the function that the monitor publishes with, so that the dashboard hears it as well. */
  tap(publish: Publish): Publish;
  show(provider: Provider): void;
}

export interface DashboardOptions {
  log: Log;
  keptHistory?: KeptHistory | undefined;
  keptLogs?: KeptLogs | undefined;
}

/**
 * Opens the dashboard, before there is a provider to show.
 *
 * @throws {ZcontextError} `ERR_USAGE`, `ERR_ENDPOINT_PUBLIC` or `ERR_ENDPOINT_IN_USE`.
 */
export async function openDashboard(
  { http, http_token }: { http: string; http_token?: string },
  { log, ...kept }: DashboardOptions,
): Promise<Dashboard> {
  const token = readHttpToken(http_token, log);
  const address = readAddress(http, { hasToken: token !== undefined });
  const server = await startHttpServer({ address, token, version: VERSION, log, ...kept });
  const { observe } = server;
  let client: Promise<ContextClient> | undefined;
  let letters: AsyncDisposable | undefined;

  // Commands take the way of any other client, so that the provider treats them alike.
  async function command(provider: Provider, request: CommandRequest): Promise<CommandAnswer> {
    const { action, transaction, tasks, new: isNew = false } = request;
    client ??= connectContext(provider.endpoints, { timeoutMs: 5_000 });
    client.catch(() => {
      client = undefined;
    });
    const id = transaction ?? generateTransaction();
    const configuration = tasks === undefined ? {} : { TaskService: tasks.map((task) => ({ id: task })) };
    const onlyIfIdle = transaction === undefined && !isNew;
    const { orders } = await (await client).command({ action, transaction: id, configuration, onlyIfIdle });
    return { result: "success", transaction: id, orders: Object.fromEntries(orders) };
  }

  return {
    observer(event) {
      if (event.type !== "noted") observe(event.type === "reloaded" ? { type: "changed" } : event);
    },
    tap: (publish) => tapMonitor(publish, observe),
    show(provider) {
      log.info({ url: `http://${formatAddress(server.address)}/`, commands: token !== undefined }, "dashboard ready");
      const deadLetters = openDeadLetters(provider);
      letters = deadLetters;
      server.attach({
        get config() {
          return provider.config;
        },
        contextId: () => provider.contextId,
        transactions: () => provider.watched(),
        ended: () => provider.ended(),
        bus: () => provider.bus,
        inputFaults: () => provider.inputFaults,
        command: (request) => command(provider, request),
        letters: deadLetters,
      });
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await letters?.[Symbol.asyncDispose]();
      await (await client?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}
