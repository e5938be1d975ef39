import { isAbsolute, relative, sep } from "node:path";

/** Whether a path is a folder itself or below it. Compares absolute paths and opens nothing. */
export function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
