// Makes sure that no process of a provider is ever lost, not even when the provider is killed: every process carries a
// cookie that its descendants inherit, gets a signal from the kernel when the provider dies, and is known to a guard.
import type { Supervision } from "../../config/model.ts";
import { ZcontextError } from "../../errors.ts";
import { COOKIE, type Cookie, writeCookie } from "../../processes/cookie.ts";
import type { ProcessIdentity } from "../../processes/stat.ts";
import type { ProcessTable } from "../../processes/table.ts";
import type { OutputPipes } from "../output/output-pipes.ts";
import { type Account, privilegeWords } from "./account.ts";

/** What it takes to start, find and end the processes of one provider. */
export interface ProcessOwnership {
  readonly table: ProcessTable;
  readonly guard: Guard;
  readonly outputPipes: OutputPipes;
  /** What every process gets in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** The environment variable by which a process of this run, and every descendant of it, is recognized. */
  cookieVariable(run: string): Record<string, string>;
  /** The words to put before a command line, so that the command runs under these limits and dies with the provider. */
  commandPrefix(limits: Limits): string[];
}

/** Ends the processes added to it when the provider has died; runs in another process. */
export interface Guard {
  add(leader: ProcessIdentity): void;
  remove(pid: number): void;
}

export interface Limits extends Pick<Supervision, "nice" | "filesMax"> {
  /** Default: who the provider runs as. */
  account?: Account | undefined;
}

/** Absolute paths of system programs that set something up and then exec the command given to them. */
export interface SystemTools {
  /** Of util-linux, where it supports `--pdeathsig`. */
  setpriv?: string | undefined;
  prlimit?: string | undefined;
  nice?: string | undefined;
  mkfifo?: string | undefined;
}

const NO_SETPRIV = "a task can run as another user only where there is setpriv (util-linux) with --pdeathsig";

export function createProcessOwnership({
  table,
  guard,
  outputPipes,
  owner,
  tools,
  environment = {},
}: {
  table: ProcessTable;
  guard: Guard;
  outputPipes: OutputPipes;
  owner: Omit<Cookie, "run">;
  tools: SystemTools;
  environment?: Readonly<Record<string, string>>;
}): ProcessOwnership {
  return {
    table,
    guard,
    outputPipes,
    environment,
    cookieVariable: (run) => ({ [COOKIE]: writeCookie({ ...owner, run }) }),
    commandPrefix({ nice, filesMax, account }) {
      const limits = [
        ...(filesMax === undefined ? [] : [tools.prlimit ?? "prlimit", `--nofile=${filesMax}:${filesMax}`, "--"]),
        ...(nice === 0 ? [] : [tools.nice ?? "nice", "-n", String(nice), "--"]),
      ];
      const death = tools.setpriv === undefined ? [] : [tools.setpriv, "--pdeathsig", "KILL"];
      if (account === undefined) return [...death, ...(death.length > 0 ? ["--"] : []), ...limits];
      if (death.length === 0) throw new ZcontextError("ERR_ENVIRONMENT_INVALID", NO_SETPRIV);
      // A change of the user clears the signal of death, and takes away what limits need: one program does both, at last.
      return [...limits, ...death, ...privilegeWords(account), "--"];
    },
  };
}
