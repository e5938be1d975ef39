// What a description of task services says once it has been checked; the generator works on this and never on XML.
// Pure.

import type { Endpoints } from "../../protocol/endpoints.ts";
import type { TaskServiceConfig } from "../model.ts";

export const LANGUAGES = ["typescript", "python"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Task services to write, and the context they go to. */
export interface ServiceList {
  /** Names the file, `Context-<contextName>.xml`, and its log. */
  contextName: string;
  contextId: string;
  endpoints: Endpoints;
  binds: Endpoints;
  /** The project's folder, and the one that holds the context files, as they were given. */
  servicePath: string;
  homePath: string;
  /** Nobody wants to see progress. */
  isQuiet: boolean;
  services: ListedService[];
}

export interface ListedService {
  /** Folder, file and instance. */
  name: string;
  /** What the task is called in the code. */
  className: string;
  kind: "single" | "looped";
  language: Language;
  id: string;
  topic: string;
  serviceName: string;
  description: string;
  deviceAction: string;
  entry: string;
  triggers: TaskServiceConfig["triggers"];
  /** The folder of the code, as it was given; nothing means the usual one. */
  location: string | undefined;
}

/** What a context says already that new services join; a part that it lacks is empty. */
export interface ExistingContext {
  contextId: string;
  endpoints: Endpoints;
  tasks: { id: string; instance: string; serviceType: string; location: string }[];
}
