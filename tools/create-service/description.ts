// What a single service is described with: the options of `create-service`, by their names without dashes.

export type Description = { [option: string]: string };

/** What a description can't do without, in the order in which it is asked for. */
export const REQUIRED = [
  "task_service",
  "task_desc",
  "service_name",
  "device_action",
  "service_path",
  "context_name",
  "task_id",
  "server_ip",
  "sub_port",
  "pub_port",
] as const;

export type RequiredOption = (typeof REQUIRED)[number];
