// The input of planning, and its result for a single file. Pure.
import type { ExistingContext } from "../config/service-list/service-list.ts";
import type { Site } from "./layout.ts";
import type { Templates } from "./render.ts";

/** A file of a plan. */
export interface PlannedFile {
  /** Absolute. */
  path: string;
  /** It is written where this is `created`, `replaced` or `updated`. */
  fate: "created" | "replaced" | "updated" | "unchanged" | "kept";
  /** Why, where that is not obvious. */
  note: string;
  /** Its present text; undefined where it does not exist. */
  before: string | undefined;
  /** Its new text. */
  after: string;
}

/** The present text of a file on disk; undefined where there is none. */
export type Present = (path: string) => string | undefined;

/** What a plan is made from, besides the description. */
export interface PlanInput {
  site: Site;
  present: Present;
  /** The context file as it is; undefined where there is none. */
  existing: ExistingContext | undefined;
  templates: Templates;
  /** Replaces generated files even when they were changed. */
  force: boolean;
}
