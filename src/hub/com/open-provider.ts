// Makes the provider that a configuration names, with the credentials of its file. Credentials go to another machine encrypted
// only, and stand in no message.
import { isAbsolute, join } from "node:path";
import { ZcontextError } from "../../errors.ts";
import { exposed, exposureOf, readHubUrl } from "../../protocol/bus-address.ts";
import { readPemFile, readSecretFile } from "../../secret-file.ts";
import type { ComConfiguration } from "./com-configuration.ts";
import { createAzureHub } from "./providers/azure-mqtt.ts";
import type { HubProvider } from "./providers/hub-provider.ts";
import { createMemoryHub } from "./providers/memory.ts";
import { createMqttHub } from "./providers/mqtt.ts";
import { readConnectionString } from "./providers/sas.ts";

export interface OpenOptions {
  /** Paths are relative to it. */
  folder: string;
  warn(line: string): void;
}

/** @throws {ZcontextError} `ERR_CONFIG_INVALID`, `ERR_ENVIRONMENT_INVALID`, `ERR_ENGINE_REFUSED`, `ERR_USAGE`. */
export async function openProvider(configuration: ComConfiguration, options: OpenOptions): Promise<HubProvider> {
  const { provider, credentialsFile, caFile, node, root } = configuration;
  const { folder, warn } = options;
  const at = (path: string) => (isAbsolute(path) ? path : join(folder, path));
  if (provider === "memory") return createMemoryHub();
  if (provider === "hub")
    throw new ZcontextError("ERR_CONFIG_INVALID", "Com, <provider>: the hub has not said which one");
  const secret =
    credentialsFile === undefined ? undefined : await readSecretFile("<credentials_file>", at(credentialsFile));
  const ca = caFile === undefined ? undefined : await readPemFile("<ca_file>", at(caFile));
  const url = configuration.url === undefined ? undefined : readHubUrl(configuration.url);
  if (url?.login !== undefined)
    throw new ZcontextError("ERR_CONFIG_INVALID", `Com, <url>: ${url.url} has a name and a password`, {
      hint: "Put them into a file that only this user can read, and name it in <credentials_file>.",
    });
  const exposure = url && exposureOf(url, secret !== undefined);
  if (url !== undefined && exposure === "refused") throw exposed(url.url);
  if (url !== undefined && exposure === "open") warn(`${url.url}: what the node sends can be read on its way`);
  if (provider === "mqtt") {
    const login = secret === undefined ? undefined : readLogin("Com", secret);
    return createMqttHub({ url: url?.url ?? "", node, root, login, ca, warn });
  }
  if (secret === undefined)
    throw new ZcontextError("ERR_CONFIG_INVALID", "Com, <credentials_file>: expected a file, got none", {
      hint: "azure-mqtt needs the connection string of the device in it.",
    });
  return createAzureHub({ credentials: readConnectionString(secret.trim()), url: url?.url, ca, warn });
}

/** Reads `user=…` and `pass=…`, a line each. */
export function readLogin(service: string, text: string): { user: string; pass: string } {
  const values = new Map(
    text.split("\n").flatMap((line) => {
      const [, name, value] = /^\s*(user|pass)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
  const [user, pass] = [values.get("user"), values.get("pass")];
  if (user !== undefined && pass !== undefined) return { user, pass };
  throw new ZcontextError(
    "ERR_CONFIG_INVALID",
    `${service}, <credentials_file>: expected user=… and pass=…, a line each`,
  );
}
