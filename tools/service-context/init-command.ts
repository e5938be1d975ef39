// Which init runs a command, and with what words: of those that containers usually have, the first that is installed. Pure.

/** Each passes signals on to its child alone, reaps all others, and ends with the exit code of its child. */
const INITS: readonly (readonly [name: string, ...words: string[]])[] = [
  ["tini", "--"],
  ["docker-init", "--"],
  ["catatonit", "--"],
  // By default it signals the whole session, and the tasks would not be stopped in their order.
  ["dumb-init", "--single-child", "--"],
];

/**
 * Undefined where none is installed.
 *
 * @param find - Where a program is.
 */
export function initCommand(
  find: (name: string) => string | undefined,
  command: readonly string[],
): { path: string; words: string[] } | undefined {
  for (const [name, ...options] of INITS) {
    const path = find(name);
    if (path !== undefined) return { path, words: [name, ...options, ...command] };
  }
  return undefined;
}
