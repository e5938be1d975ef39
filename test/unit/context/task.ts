import { DEFAULT_SUPERVISION, type TaskServiceConfig } from "../../../src/config/context-config.ts";

/** A task service with nothing special about it, but for what a test is about. */
export function task(id: string, but: Partial<TaskServiceConfig> = {}): TaskServiceConfig {
  return {
    id,
    instance: "EchoAction",
    topic: "process",
    serviceType: "Process",
    serviceName: `name_of_${id}`,
    description: "",
    entry: "on_start",
    configuration: { device_action: "shout" },
    triggers: {},
    supervision: DEFAULT_SUPERVISION,
    ...but,
  };
}
