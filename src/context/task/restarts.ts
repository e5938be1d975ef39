// Restarts of one task: after an unexpected end, by a trigger of its own, by the triggers of others. The
// rules are those of restart.ts and trigger-throttle.ts; here they are carried out.
import type { Supervision } from "../../config/model.ts";
import { isAtRest, isPending } from "../../protocol/task-state.ts";
import type { EndEvent, LifecycleEvent } from "./life.ts";
import type { Standing } from "./lifecycle.ts";
import type { RestartMemory } from "./restart.ts";
import { createRestartHistory, type UnaskedEnd } from "./restart-history.ts";
import type { Cause, TaskEvent } from "./task-contract.ts";

export interface Restarts {
  readonly memory: RestartMemory;
  runBegan(): void;
  runReady(): void;
  /** The run has ended; sends that, and what follows from it. */
  end(event: EndEvent, how: UnaskedEnd): void;
  /** A trigger starts or restarts the task. With `ownRun`, it is the task's own trigger, fired by that run. */
  trigger(action: "start" | "restart", by: { cause: Cause; ownRun?: number }): void;
  /** A start by hand begins anew, whatever was before. */
  forgive(): void;
  /** It waits for its code to change, and is then started. */
  readonly awaitsCode: boolean;
  /** It is not wanted any more: nothing starts it when its code changes. */
  forgetCode(): void;
}

export interface RestartsOptions {
  nowMs(): number;
  /** Of the definition that holds now. */
  supervision(): Supervision;
  standing(): Standing;
  send(event: LifecycleEvent, cause?: Cause): void;
  tell(event: TaskEvent): void;
  /** Resolves when the code of the task has changed; rejects when it is aborted. */
  codeChanged(signal: AbortSignal): Promise<void>;
  /** Publishes the command that restarts the task. */
  sayRestart(): void;
}

/** @param ends - Those known from before the provider started, on the same clock. */
export function createRestarts(
  { nowMs, supervision, standing, send, tell, codeChanged, sayRestart }: RestartsOptions,
  ends: readonly number[] = [],
): Restarts {
  const history = createRestartHistory(nowMs, ends);
  let codeWatch: AbortController | undefined;

  function forgetCode(): void {
    codeWatch?.abort();
    codeWatch = undefined;
  }

  async function awaitCode(): Promise<void> {
    forgetCode();
    const watch = new AbortController();
    codeWatch = watch;
    const hasChanged = await codeChanged(watch.signal).then(
      () => true,
      () => false, // aborted
    );
    if (!hasChanged || codeWatch !== watch) return;
    forgetCode();
    if (isAtRest(standing().state)) send({ type: "start", delayMs: 0 }, { kind: "code" });
  }

  function giveUp(refusal: string): void {
    if (history.isBroken && codeWatch === undefined) void awaitCode();
    send({ type: "givenUp", refusal });
    if (history.refuse()) tell({ type: "restartRefused", reason: refusal });
  }

  function restart(action: "start" | "restart", delayMs: number, cause: Cause): void {
    if (action === "restart") sayRestart();
    send({ type: action, delayMs }, cause);
  }

  function byItself(action: "start" | "restart", cause: Cause): void {
    if (standing().life.again) return;
    const decision = history.byItself(supervision());
    if (decision === undefined) return;
    if ("refusal" in decision) return giveUp(decision.refusal);
    tell({ type: "restartPlanned", delayMs: decision.delayMs });
    restart(action, decision.delayMs, cause);
  }

  function byAnother(action: "start" | "restart", cause: Cause): void {
    const refusal = history.refusal(supervision());
    if (refusal !== undefined) return tell({ type: "restartRefused", reason: refusal });
    const { delayMs, isNews } = history.admitTrigger();
    if (isNews) tell({ type: "throttled" });
    restart(action, delayMs, cause);
  }

  return {
    get memory() {
      return history.memory;
    },
    get awaitsCode() {
      return codeWatch !== undefined;
    },
    forgetCode,
    runBegan() {
      forgetCode();
      history.runBegan();
    },
    runReady: history.runReady,
    end(event, how) {
      // A run that was asked to end, or that a trigger starts again, is not judged.
      const { requested, again } = standing().life;
      const decision = requested || again ? undefined : history.afterEnd(how, supervision());
      if (decision === undefined) return send(event);
      if ("refusal" in decision) {
        // Before anybody hears of the end: a task that waits keeps its transaction open.
        if (history.isBroken) void awaitCode();
        const refusal = [decision.refusal, how.advice ?? []].flat().join("; ");
        send({ ...event, refusal });
        return giveUp(refusal);
      }
      tell({ type: "restartPlanned", delayMs: decision.delayMs });
      send({ ...event, backMs: decision.delayMs });
    },
    trigger(action, { cause, ownRun }) {
      const { state, life } = standing();
      // One that runs already, or waits for its turn, is left alone by another start.
      if (isPending(state) || (action === "start" && (state === "starting" || state === "running"))) return;
      if (ownRun === undefined) return byAnother(action, cause);
      if (ownRun === life.run) byItself(action, cause);
    },
    forgive() {
      const forgotten = history.forgive();
      if (forgotten > 0) tell({ type: "restartsForgiven", ends: forgotten });
    },
  };
}
