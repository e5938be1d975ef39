// When a command that shows things until it is told otherwise is to leave.

/** Aborted when a signal asks the command to leave, or the reader of stdout is gone. */
export function leaveRequest(): AbortController {
  const left = new AbortController();
  const leave = () => left.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, leave);
  readerGone().then(leave);
  return left;
}

/** Resolves when the reader of stdout is gone. */
export function readerGone(): Promise<void> {
  return new Promise((resolve) => process.stdout.once("error", () => resolve()));
}
