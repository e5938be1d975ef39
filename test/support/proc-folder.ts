import { mkdir, rm, symlink } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolder } from "./folder.ts";

// Above the kernel's largest pid: no process has it, on any machine, so that pidusage has no answer for it.
export const NO_PID = 2 ** 22 + 1;

/** A /proc of our own, of a machine that was booted at 1480000000. */
export interface ProcFolder extends AsyncDisposable {
  readonly path: string;
  write(name: string, text: string): Promise<string>;
  makeFolder(name: string): Promise<unknown>;
  /** A link that leads nowhere, as those to sockets do. */
  link(name: string, target: string): Promise<unknown>;
  remove(name: string): Promise<unknown>;
}

export async function makeProcFolder(): Promise<ProcFolder> {
  const folder = await makeFolder({ stat: "btime 1480000000\n", uptime: "100.00 50.00\n" });
  return {
    ...folder,
    makeFolder: (name) => mkdir(folder.at(name), { recursive: true }),
    async link(name, target) {
      await mkdir(dirname(folder.at(name)), { recursive: true });
      await symlink(target, folder.at(name));
    },
    remove: (name) => rm(folder.at(name), { recursive: true }),
  };
}

/** The text of a process with 1 MiB of memory. */
export function statOf(pid: number, { ppid = 1, ticks = 0, start = 100, state = "S" }): string {
  return `${pid} (x) ${state} ${ppid} 1 1 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 ${start} 1048576 256 0\n`;
}
