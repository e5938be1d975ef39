// The engines on servers, each loaded when a URL names it: their packages are needed by those alone who use them.
import { ZcontextError } from "../../errors.ts";
import { missing } from "../../missing-package.ts";
import type { ServerEngine, ServerEngineOptions } from "../contract/server.ts";

interface Load {
  connect(options: ServerEngineOptions): Promise<ServerEngine>;
  /** What has to be installed beside zcontext. */
  packages: readonly string[];
  dialects: readonly string[];
}

const ENGINES: { readonly [name in "nats" | "rabbitmq"]?: Load } = {
  nats: {
    async connect(options) {
      const { connectNats, loadClient } = await import("../engines/nats/nats-engine.ts");
      await loadClient();
      return connectNats(options);
    },
    packages: ["@nats-io/transport-node", "@nats-io/jetstream"],
    dialects: ["igz"],
  },
  rabbitmq: {
    connect: async (options) => (await import("../engines/rabbitmq/rabbitmq-engine.ts")).connectRabbitmq(options),
    packages: ["amqplib"],
    dialects: ["twyla"],
  },
};

/**
 * @returns The engine at once; what is asked of it waits for the server.
 * @throws {ZcontextError} `ERR_ENGINE_MISSING` where a package is missing, with the line that installs it;
 *   `ERR_ENGINE_UNFIT` for a dialect that it does not have.
 */
export async function connectServer(name: "nats" | "rabbitmq", options: ServerEngineOptions): Promise<ServerEngine> {
  const engine = ENGINES[name];
  if (engine === undefined)
    throw new ZcontextError("ERR_ENGINE_MISSING", `${options.address.url}: this version has no engine ${name}`);
  const { dialect } = options;
  if (dialect !== undefined && !engine.dialects.includes(dialect))
    throw new ZcontextError("ERR_ENGINE_UNFIT", `engine ${name} has no dialect ${JSON.stringify(dialect)}`, {
      hint: engine.dialects.length === 0 ? "Leave it out." : `It has ${engine.dialects.join(", ")}.`,
    });
  try {
    return await engine.connect(options);
  } catch (error) {
    throw missing(error, `engine ${name}`, engine.packages) ?? error;
  }
}
