// Parses links under /proc/<pid>/fd and files under fdinfo. Opens nothing. See proc_pid_fdinfo(5).
import { constants } from "node:fs";

/** A regular file that is open. Names and order are those of psutil, and so of the wire. */
export interface OpenFile {
  path: string;
  fd: number;
  position: number;
  /** `r`, `w`, `a`, `r+` or `a+`. */
  mode: string;
  flags: number;
}

/** From /proc/<pid>/fdinfo/<fd>. */
export function parseFdInfo(text: string): Pick<OpenFile, "position" | "mode" | "flags"> | undefined {
  const [, position] = /^pos:\s+(\d+)$/m.exec(text) ?? [];
  const [, octal] = /^flags:\s+([0-7]+)$/m.exec(text) ?? [];
  if (position === undefined || octal === undefined) return undefined;
  const flags = Number.parseInt(octal, 8);
  return { position: Number(position), mode: modeOf(flags), flags };
}

function modeOf(flags: number): string {
  const isAppending = (flags & constants.O_APPEND) !== 0;
  switch (flags & (constants.O_WRONLY | constants.O_RDWR)) {
    case constants.O_WRONLY:
      return isAppending ? "a" : "w";
    case constants.O_RDWR:
      return isAppending ? "a+" : "r+";
    default:
      return "r";
  }
}

/** The inode of the socket that a link under /proc/<pid>/fd names; undefined for any other link. */
export function socketInode(link: string): string | undefined {
  return /^socket:\[(\d+)\]$/.exec(link)?.[1];
}
