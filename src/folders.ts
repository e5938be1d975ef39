import { isAbsolute, relative, sep } from "node:path";

/** Whether a path is a folder or lies in it. Looks at the paths only; both are absolute. */
export function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
