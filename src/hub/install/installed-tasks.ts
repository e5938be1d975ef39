// Makes task services of what is installed: a provider runs them beside those of its context file.
import { join } from "node:path";
import type { ContextConfig, TaskServiceConfig } from "../../config/context-config.ts";
import { ZcontextError } from "../../errors.ts";
import { READY_MS } from "./bounds.ts";
import type { InstalledService } from "./plan.ts";
import { folderOf, readCandidate, readCurrent, storeFolderOf } from "./store.ts";

/** How long a new version must have been ready before the one before is stopped, in milliseconds. */
const MIN_HEALTHY_MS = 2_000;

/** The model of a context with what is in force; a provider starts with it. @throws {ZcontextError} */
export async function withInstalled(config: ContextConfig, stateDir: string): Promise<ContextConfig> {
  const store = storeFolderOf(stateDir);
  return withServices(config, (await readCurrent(store)).services, store);
}

/** The same with what is on trial, where something is; a provider that runs takes it over. @throws {ZcontextError} */
export async function withCandidate(config: ContextConfig, stateDir: string): Promise<ContextConfig> {
  const store = storeFolderOf(stateDir);
  const { services } = (await readCandidate(store)) ?? (await readCurrent(store));
  return withServices(config, services, store);
}

function withServices(config: ContextConfig, services: readonly InstalledService[], store: string): ContextConfig {
  if (services.length === 0) return config;
  const taken = services.find(({ name }) =>
    config.tasks.some(({ id, serviceName }) => id === name || serviceName === name),
  );
  if (taken !== undefined)
    throw new ZcontextError("ERR_CONFIG_INVALID", `the hub has a service ${taken.name}, and so has the context file`, {
      hint: "Give one of them another name.",
    });
  return { ...config, tasks: [...config.tasks, ...services.map((service) => taskOf(service, config, store))] };
}

function taskOf(service: InstalledService, { supervision }: ContextConfig, store: string): TaskServiceConfig {
  const { name, version, entry, config } = service;
  return {
    id: name,
    instance: name,
    topic: "process",
    serviceType: "Process",
    serviceName: name,
    description: `${name} ${version}, from the hub`,
    entry: "on_start",
    configuration: config as TaskServiceConfig["configuration"],
    triggers: {},
    module: join(folderOf(store, name, service), entry),
    supervision: {
      ...supervision,
      ...{ rolling: true, minHealthyMs: MIN_HEALTHY_MS, readyTimeoutMs: READY_MS },
    },
  };
}
