// What a provider tells the service manager that has started it, and how often that is to hear from it. See sd_notify(3).
// Pure.

/** Assignments of one notice, such as `READY=1`. */
export type Notice = readonly string[];

/** What the manager has said in the environment. */
export interface ManagerWords {
  /** Where it listens. */
  socket: string;
  /** The time between two signs of life, half of what it waits for; undefined where it waits for none. */
  watchdogMs: number | undefined;
}

/** Variables that are for the provider alone: a task that knew them could speak in its name. */
export const MANAGER_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

/** Undefined where no service manager wants to be told. */
export function readManager(env: NodeJS.ProcessEnv, pid: number): ManagerWords | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec = "", WATCHDOG_PID: watched } = env;
  if (socket === undefined || socket === "") return undefined;
  const isOurs = watched === undefined || watched === String(pid);
  const watchdogMs = isOurs && /^[1-9]\d{0,14}$/.test(usec) ? Math.max(1, Number(usec) / 2_000) : undefined;
  return { socket, watchdogMs };
}

/** Puts a notice behind those that wait to be sent: the last word on the status, or a sign of life, is enough. */
export function enqueue(waiting: readonly Notice[], notice: Notice): Notice[] {
  const isReplaced = (other: Notice) => other.every((word) => notice.some((said) => keyOf(said) === keyOf(word)));
  return [...waiting.filter((other) => !isReplaced(other)), notice];
}

export function statusNotice(status: string): Notice {
  return [`STATUS=${status.replace(/\s+/g, " ")}`];
}

/** `RELOADING=1` needs the time of CLOCK_MONOTONIC, in microseconds; `READY=1` follows once the file is read. */
export function reloadingNotice(monotonicUsec: bigint): Notice {
  return ["RELOADING=1", `MONOTONIC_USEC=${monotonicUsec}`];
}

/** Asks for so much time from now on, in milliseconds. */
export function extensionNotice(ms: number): Notice {
  return [`EXTEND_TIMEOUT_USEC=${Math.ceil(ms) * 1_000}`];
}

function keyOf(assignment: string): string {
  return assignment.slice(0, assignment.indexOf("="));
}
