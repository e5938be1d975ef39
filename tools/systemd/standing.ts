// How the tasks of a provider stand, in the one line that `systemctl status` has for it. Pure.
import { isAtRest, type TaskState } from "../../src/protocol/task-state.ts";

/** How many tasks are named. */
const MOST_NAMED = 5;

/** `3 tasks run, 1 failed: ts002`, or that no transaction is open. */
export function standingOf(tasks: readonly { service_id: string; lifecycle: TaskState }[]): string {
  if (tasks.length === 0) return "takes commands, nothing is started";
  const running = tasks.filter(({ lifecycle }) => lifecycle === "running").length;
  const failed = tasks.filter(({ lifecycle }) => lifecycle === "failed").map(({ service_id: id }) => id);
  const others = tasks.filter(({ lifecycle }) => !isAtRest(lifecycle) && lifecycle !== "running").length;
  return [
    running === 1 ? "1 task runs" : `${running} tasks run`,
    ...(others === 0 ? [] : [`${others} on the way`]),
    ...(failed.length === 0 ? [] : [`${failed.length} failed: ${named(failed)}`]),
  ].join(", ");
}

function named(ids: readonly string[]): string {
  const more = ids.length > MOST_NAMED ? ", …" : "";
  return `${ids.slice(0, MOST_NAMED).join(", ")}${more}`;
}
