// The model of a description of task services, after all checks. The generator works on this model and never on XML. Pure.

import type { Endpoints } from "../../protocol/endpoints.ts";
import type { ProtocolName } from "../../streams/contract/protocol-names.ts";
import type { TaskServiceConfig } from "../model.ts";

export const LANGUAGES = ["typescript", "python"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Task services to create, and the context they are added to. */
export interface ServiceList {
  /** Names the file, `Context-<contextName>.xml`, and its log. */
  contextName: string;
  contextId: string;
  endpoints: Endpoints;
  binds: Endpoints;
  /** The folder of the project, and the folder for context files, as they were given. */
  servicePath: string;
  homePath: string;
  /** No progress is to be printed. */
  isQuiet: boolean;
  services: ListedService[];
}

export interface ListedService {
  /** Of its folder, its file and its instance. */
  name: string;
  /** Of the task in the code. */
  className: string;
  /** Undefined for a service that has handlers alone, and lives until it is stopped. */
  kind: "single" | "looped" | undefined;
  /** The events that it listens to, `domain.type`. */
  listens: string[];
  /** The methods that it serves. */
  serves: string[];
  /** The actions that others may have it do. */
  actions: string[];
  /** The queues that it consumes, and over which protocol. */
  consumes: string[];
  protocol: ProtocolName;
  /** It begins, ends, does `Process` and hears of states as the services of a node do. */
  isCustom: boolean;
  language: Language;
  id: string;
  topic: string;
  serviceName: string;
  description: string;
  deviceAction: string;
  entry: string;
  triggers: TaskServiceConfig["triggers"];
  /** The folder for the code, as it was given; undefined for the usual one. */
  location: string | undefined;
}

/** The parts of an existing context that matter for new services; what the file lacks is empty. */
export interface ExistingContext {
  contextId: string;
  endpoints: Endpoints;
  tasks: { id: string; instance: string; serviceType: string; location: string }[];
}
