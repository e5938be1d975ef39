/**
 * Aborted by a signal that asks this process to end, which the processes that it has started must not outlive. The handler stays: the
 * same Ctrl-C may arrive again by way of npm.
 */
export function stopAtSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop.abort());
  return stop.signal;
}
