// Which programs of the system there are to set up a process with. Asked once, when the provider starts.
import type { Log } from "../log.ts";
import { runsWell } from "./child.ts";
import type { Tools } from "./process-ownership.ts";
import { findProgram } from "./program.ts";

/**
 * Looks for them on the PATH. Without `setpriv --pdeathsig`, which small systems lack, the log says what that means.
 * Rejects when the system is too short of something to tell: what is taken for absent now, is for the provider's whole
 * life.
 */
export async function findTools(folder: string, log: Log): Promise<Tools> {
  const [setpriv, prlimit, nice] = await Promise.all(
    ["setpriv", "prlimit", "nice"].map((name) => findProgram(name, name, folder).catch(() => undefined)),
  );
  const hasDeathSignal = setpriv !== undefined && (await runsWell(setpriv, ["--pdeathsig", "KILL", "--", "true"]));
  if (!hasDeathSignal)
    log.warn(
      { reason: "there is no setpriv (util-linux) that knows --pdeathsig" },
      "tasks with a blocked event loop end a moment later when the provider is killed",
    );
  return { ...(hasDeathSignal ? { setpriv } : {}), prlimit, nice };
}
