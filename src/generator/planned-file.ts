// What planning works with, and what comes of it for a single file.
import type { ExistingContext } from "../config/service-list/service-list.ts";
import type { Site } from "./layout.ts";
import type { Templates } from "./render.ts";

/** A file, and what becomes of it. */
export interface PlannedFile {
  /** Absolute. */
  path: string;
  /** Nothing of the file changes but where it is `created`, `replaced` or `updated`. */
  fate: "created" | "replaced" | "updated" | "unchanged" | "kept";
  /** Why, where that is not plain. */
  note: string;
  /** What it holds now; nothing where it is not there. */
  before: string | undefined;
  /** What it is to hold. */
  after: string;
}

/** What is on disk already: the text of a file, or nothing where there is none. */
export type Present = (path: string) => string | undefined;

export interface Means {
  site: Site;
  present: Present;
  /** What the context file says already; nothing where there is none. */
  existing: ExistingContext | undefined;
  templates: Templates;
  /** Replaces generated files that somebody has changed. */
  force: boolean;
}
