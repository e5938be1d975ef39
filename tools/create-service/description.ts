// The options of `create-service`, by their names without dashes, and those that describe a single service.
import type { Language } from "../../src/config/service-list/service-list.ts";

/** The options of the command; see its `--help`. */
export interface Options {
  xml_file?: string;
  language?: Language;
  templates?: string;
  dry_run?: true;
  force?: true;
  diagram?: true;
  json?: true;
  [description: string]: string | true | undefined;
}

/** The options that describe a service. */
export type Description = { [option: string]: string };

/** The options that a description needs, in the order of their questions. */
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
