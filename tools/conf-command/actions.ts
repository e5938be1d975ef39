/** Actions that change something, and those that only ask. */
export const COMMANDS = ["start", "stop", "restart", "exit"] as const;
export const QUERIES = ["request", "top"] as const;
export const ACTIONS: readonly string[] = [...COMMANDS, ...QUERIES];
