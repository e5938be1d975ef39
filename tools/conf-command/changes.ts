// Tells what of a context file is no longer as its provider has read it. Pure.
import { keptOf } from "../../src/config/kept.ts";
import type { KnownContext } from "../context-file.ts";

/** A task whose element in the file has changed, in parts that a provider reads at its start alone. */
export interface ChangedTask {
  id: string;
  parts: string[];
}

/** The tasks that file and provider both have, and that differ. */
export function changesOf(context: KnownContext | undefined): ChangedTask[] {
  const known = new Map(context?.presence?.tasks?.map((task) => [task.id, task]));
  return (context?.config?.tasks ?? []).flatMap((task) => {
    const then = known.get(task.id);
    const now = keptOf(task);
    const parts =
      then === undefined ? [] : (["command", "supervision"] as const).filter((part) => then[part] !== now[part]);
    return parts.length === 0 ? [] : [{ id: task.id, parts }];
  });
}

/** The same of what the file says of all tasks together; undefined where that has not changed. */
export function contextNoteOf(context: KnownContext | undefined): string | undefined {
  const [then, now] = [context?.presence?.strategy, context?.config?.strategy];
  if (context === undefined || then === undefined || now === undefined || then === now) return undefined;
  return `the strategy has changed to ${now} in ${context.file} since the provider read it, and the context has what was there then, ${then}; ${REMEDY}`;
}

const REMEDY = "`zcontext apply` changes that";

/** `the supervision of camera has changed in Context.xml since …`, for people. */
export function noteOf({ id, parts }: ChangedTask, { file }: Pick<KnownContext, "file">): string {
  const [what, have] = [parts.join(" and "), parts.length === 1 ? "has" : "have"];
  return `${what} of ${id} ${have} changed in ${file} since the provider read it, and ${id} has what was there then; ${REMEDY}`;
}
