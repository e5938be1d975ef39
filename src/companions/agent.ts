// The agent of a provider at a server that has the messages of its context: a process that says there what the provider knows
// of services, and tells the provider what becomes of messages. It is a gateway too, for programs that speak with a broker
// alone. A provider itself never connects to the server.
import { rm } from "node:fs/promises";
import type { Liveness } from "../liveness.ts";
import type { Cookie } from "../processes/cookie.ts";
import { AGENT_START, type AgentStart } from "../protocol/broker-pipe.ts";
import type { BusPlace } from "../protocol/bus-address.ts";
import { BUS_GATEWAY, BUS_GATEWAY_TOKEN } from "../protocol/environment.ts";
import { makeBusFolder } from "./bus-folder.ts";
import { type BusHost, type BusProcessEvents, createBusProcess, hostOf } from "./bus-process.ts";

export interface AgentOptions {
  place: BusPlace;
  /** What lets it in, as every task has it. */
  environment: Readonly<Record<string, string>>;
  contextId: string;
  /** A folder for the socket of its gateway, made for its owner alone. */
  runFolder: string;
  cookie: Pick<Cookie, "context" | "provider">;
  liveness: Liveness;
}

/**
 * Starts an agent. Resolves when its process runs, whether or not the server can be reached.
 *
 * @throws {ZcontextError} `ERR_ENGINE_UNREACHABLE` where no process can be started, `ERR_ENGINE_UNFIT` where the path of its
 *   socket is too long.
 */
export async function startAgent(options: AgentOptions, events: BusProcessEvents = {}): Promise<BusHost> {
  const { place, contextId, runFolder, cookie, liveness } = options;
  const { url, token } = await makeBusFolder(runFolder);
  const environment = { ...options.environment, [BUS_GATEWAY]: url, [BUS_GATEWAY_TOKEN]: token };
  const start: AgentStart = { src: `${contextId}/agent/agent`, gateway: { url, token } };
  const process = createBusProcess(
    {
      ...{ name: "the agent", entry: "#agent", cookie, liveness },
      environment: () => ({ ...environment, [AGENT_START]: JSON.stringify(start) }),
    },
    events,
  );
  events.onStarted?.(await process.start());
  return hostOf(process, { place, environment }, async () => {
    await process.close();
    await rm(runFolder, { recursive: true, force: true });
  });
}
