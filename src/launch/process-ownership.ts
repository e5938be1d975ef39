// What every process that a provider starts is given, so that none is ever lost: a mark that its descendants inherit,
// a signal of the kernel's for the day the provider dies, and a guard elsewhere that knows it.
import type { Supervision } from "../config/model.ts";
import { COOKIE, type Cookie, writeCookie } from "../processes/cookie.ts";
import type { ProcessTable } from "../processes/table.ts";

/** The processes of one provider, and how they are kept. */
export interface ProcessOwnership {
  readonly table: ProcessTable;
  readonly guard: Guard;
  /** The variable by which a process of this run, and all it starts, is known. */
  markOf(run: string): Record<string, string>;
  /** The words to put before a command line, so that it runs under these limits and dies with the provider. */
  prefixOf(limits: Limits): string[];
}

/** Ends what it watches when the provider can't any more. */
export interface Guard {
  watch(leader: { pid: number; startTicks: number }): void;
  forget(pid: number): void;
}

export type Limits = Pick<Supervision, "nice" | "filesMax">;

/** Programs of the system that set things up and then become the program they are given, by their absolute paths. */
export interface Tools {
  /** Of util-linux, where it knows the parent-death signal. */
  setpriv?: string | undefined;
  prlimit?: string | undefined;
  nice?: string | undefined;
}

export function createProcessOwnership({
  table,
  guard,
  owner,
  tools,
}: {
  table: ProcessTable;
  guard: Guard;
  owner: Omit<Cookie, "run">;
  tools: Tools;
}): ProcessOwnership {
  return {
    table,
    guard,
    markOf: (run) => ({ [COOKIE]: writeCookie({ ...owner, run }) }),
    prefixOf: ({ nice, filesMax }) => [
      ...(tools.setpriv === undefined ? [] : [tools.setpriv, "--pdeathsig", "KILL", "--"]),
      ...(filesMax === undefined ? [] : [tools.prlimit ?? "prlimit", `--nofile=${filesMax}:${filesMax}`, "--"]),
      ...(nice === 0 ? [] : [tools.nice ?? "nice", "-n", String(nice), "--"]),
    ],
  };
}
