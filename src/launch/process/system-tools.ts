// Finds the system programs that set up a process (limits, death with its parent), once when the provider starts.
import type { Log } from "../../log.ts";
import { findProgram } from "../environment/program.ts";
import type { SystemTools } from "./process-ownership.ts";
import { runsWell } from "./system-program.ts";

/**
 * Searches the PATH. Where `setpriv --pdeathsig` is missing, as on small systems, the log says what that means. Rejects when
 * the system lacks the resources to check: a program taken for missing now would stay so until the provider ends.
 */
export async function findTools(log: Log): Promise<SystemTools> {
  const [setpriv, prlimit, nice, mkfifo] = await Promise.all(
    ["setpriv", "prlimit", "nice", "mkfifo"].map((name) =>
      findProgram(name, name, { folder: "." }).catch(() => undefined),
    ),
  );
  const hasDeathSignal = setpriv !== undefined && (await runsWell(setpriv, ["--pdeathsig", "KILL", "--", "true"]));
  if (!hasDeathSignal)
    log.warn(
      { reason: "there is no setpriv (util-linux) that knows --pdeathsig" },
      "tasks with a blocked event loop end a moment later when the provider is killed",
    );
  return { ...(hasDeathSignal ? { setpriv } : {}), prlimit, nice, mkfifo };
}
