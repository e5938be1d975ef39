// Probes a task again and again, one attempt at a time: whether it is ready that does not announce it, and whether it is
// still alive. What one attempt does is in probe-attempt.ts; a readiness probe may also wait for a line of output.
import type { LivenessProbe, Probe, ProbeTiming } from "../config/model.ts";
import { ZcontextError } from "../errors.ts";
import { compileLinePattern } from "../line-pattern.ts";
import { attemptOnce, describe, nameOfProbe, type ProgramMeans, type RepeatedTarget } from "./probe-attempt.ts";

export type { StartProbeProgram } from "./probe-attempt.ts";

interface Common extends ProgramMeans {
  /** Called after each failed attempt, with a clause that says why. */
  onAttempt?(fault: string): void;
  /** Called once, with a clause, when the probe itself is at fault: its program does not exist. */
  onFaulty?(fault: string): void;
}

export interface ProbeOptions extends Common {
  /** Called at most once, after all others. */
  onReady(): void;
}

export interface LivenessOptions extends Common {
  /** Called at most once, after all others, with a clause that says why it does not count as alive. */
  onDead(reason: string): void;
}

export interface RunningProbe {
  /** Why the task does not count as ready, in a clause; undefined before the first attempt has failed. */
  readonly lastFault: string | undefined;
  /** Passes a line that the task has printed, or as much of it as has come. */
  line(text: string): void;
  /** Ends the probe: aborts an attempt in progress, and calls nothing any more. */
  stop(): void;
}

/** Starts a readiness probe; the first attempt is made at once. */
export function startProbe(probe: Probe, options: ProbeOptions): RunningProbe {
  if (probe.kind === "log") return awaitLine(probe, options);
  const attempts = repeat(probe, nameOfProbe(probe, "ready"), options, {
    delayMs: 0,
    onGood() {
      attempts.stop();
      options.onReady();
    },
    onBad() {},
  });
  return attempts;
}

/** Starts a liveness probe; the first attempt is made after a pause. One that can't be attempted tells nothing of the task. */
export function startLiveness(probe: LivenessProbe, options: LivenessOptions): Pick<RunningProbe, "stop"> {
  let failures = 0;
  const attempts = repeat(probe, nameOfProbe(probe, "live"), options, {
    delayMs: probe.intervalMs,
    onGood() {
      failures = 0;
    },
    onBad(fault) {
      failures += 1;
      if (failures < probe.failures) return;
      attempts.stop();
      options.onDead(`not alive: ${fault}${failures === 1 ? "" : ` (${failures} times in a row)`}`);
    },
  });
  return attempts;
}

function awaitLine({ pattern }: Probe & { kind: "log" }, { onReady }: ProbeOptions): RunningProbe {
  const expected = compileLinePattern(pattern);
  let isOver = false;
  return {
    lastFault: `ready_log /${pattern}/: no line has matched`,
    line(text) {
      if (isOver || !expected.matches(text)) return;
      isOver = true;
      onReady();
    },
    stop() {
      isOver = true;
    },
  };
}

/** What becomes of attempts. */
interface Outcomes {
  /** The pause before the first. */
  delayMs: number;
  onGood(): void;
  /** @param fault - A clause that names the probe. */
  onBad(fault: string): void;
}

function repeat(
  probe: RepeatedTarget & ProbeTiming,
  name: string,
  options: Common,
  { delayMs, onGood, onBad }: Outcomes,
): RunningProbe {
  let lastFault: string | undefined;
  let isOver = false;
  let isFaulty = false;
  let cut = new AbortController();
  /** Of the attempt in progress, or of the pause before the next. */
  let timer: NodeJS.Timeout | undefined;

  async function attempt(): Promise<void> {
    cut = new AbortController();
    timer = setTimeout(giveUp, probe.timeoutMs);
    const { signal } = cut;
    const fault = await attemptOnce(probe, name, { means: options, cut: signal }).catch((error) =>
      error instanceof ZcontextError ? error : describe(error),
    );
    clearTimeout(timer);
    if (!signal.aborted) {
      if (fault === undefined) onGood();
      else blame(fault);
    }
    if (!isOver) timer = setTimeout(attempt, probe.intervalMs);
  }

  // The next attempt still waits until this one has ended, so that hanging attempts do not pile up.
  function giveUp(): void {
    cut.abort();
    blame(`no answer within ${probe.timeoutMs / 1000} s`);
  }

  // A probe that can't even be attempted is reported at once: it will not succeed at any other time.
  function blame(fault: string | ZcontextError): void {
    lastFault = typeof fault === "string" ? `${name}: ${fault}` : fault.message;
    options.onAttempt?.(lastFault);
    if (typeof fault === "string") return onBad(lastFault);
    if (!isFaulty) options.onFaulty?.(lastFault);
    isFaulty = true;
  }

  function stop(): void {
    isOver = true;
    clearTimeout(timer);
    cut.abort();
  }

  if (delayMs === 0) void attempt();
  else timer = setTimeout(attempt, delayMs);
  return {
    get lastFault() {
      return lastFault;
    },
    line() {},
    stop,
  };
}
