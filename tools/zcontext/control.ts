// The verbs that do what `conf-command` and `context-monitor` do, for the context that is meant: the file that is named, or
// the only one that runs on this machine.
import type { CommandAction, QueryAction } from "../conf-command/actions.ts";
import type { Options } from "../conf-command/command-message.ts";
import type { Options as MonitorOptions } from "../context-monitor/monitor.ts";
import { findTarget } from "../kept/target.ts";

type ControlOptions = Pick<Options, "context_file" | "transaction" | "task_id" | "timeout" | "new" | "json"> &
  Partial<Pick<Options, "wait">>;

/** What `conf-command` has where nothing is said. */
const DEFAULTS: Options = {
  ...{ service_name: "context", task_id: "all", timeout: 60, wait: true },
  // Of `top`, which has no verb.
  ...{ service_type: "pub", service_endpoint: "", service_freq: 1 },
};

/** Answers the exit code of `conf-command`. */
export async function control(action: CommandAction | QueryAction, options: ControlOptions): Promise<number> {
  const { execute } = await import("../conf-command/execute.ts");
  return execute({ ...DEFAULTS, ...options, action, ...(await located(options)) });
}

type WatchOptions = Pick<MonitorOptions, "context_file" | "transaction" | "once" | "json" | "wait">;

/** Answers the exit code of `context-monitor`. */
export async function watch(options: WatchOptions): Promise<number> {
  const { monitor } = await import("../context-monitor/monitor.ts");
  return monitor({ ...options, ...(await located(options)) });
}

// A file that is named may be broken or gone, and its provider is found all the same: that is for the command to say.
export async function located({ context_file }: { context_file?: string }): Promise<{ context_file?: string }> {
  if (context_file !== undefined) return { context_file };
  const { file } = await findTarget({});
  return file === undefined ? {} : { context_file: file };
}
