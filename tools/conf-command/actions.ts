/** Actions that change something. */
export const COMMANDS = ["start", "stop", "restart", "exit"] as const;
/** Actions that only ask. */
export const QUERIES = ["request", "top"] as const;
export const ACTIONS: readonly string[] = [...COMMANDS, ...QUERIES];

export type CommandAction = (typeof COMMANDS)[number];
export type QueryAction = (typeof QUERIES)[number];

export function isAction(word: string | undefined): word is CommandAction | QueryAction {
  return word !== undefined && ACTIONS.includes(word);
}

export function isQuery(action: CommandAction | QueryAction): action is QueryAction {
  return action === "request" || action === "top";
}
