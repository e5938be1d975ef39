// The runs of one task, one after the other: begins each, and tells the others in this room what becomes of it.
import { randomUUID } from "node:crypto";
import { constants } from "node:os";
import type { TaskServiceConfig } from "../../config/context-config.ts";
import { reasonOf } from "../../errors.ts";
import { createLastErrorLine } from "../../launch/output/last-error-line.ts";
import type { Exit, SpawnFailure } from "../../launch/process/running-program.ts";
import type { Surroundings } from "../../launch/surroundings.ts";
import type { ControlMessage } from "../../protocol/message.ts";
import type { Health } from "./health.ts";
import { isGoodEnd, type Life, type LifecycleEvent, type Past } from "./life.ts";
import type { Restarts } from "./restarts.ts";
import { beginRun, type Run, type RunEvent } from "./run.ts";
import type { TaskEvent, TaskHost } from "./task-contract.ts";
import { assignmentOf } from "./task-messages.ts";

export interface Runs {
  /** The present run, or the last one; undefined before the first. */
  readonly present: Run | undefined;
  /** How the last run ended; undefined where there was no process. */
  readonly lastExit: Exit | undefined;
  begin(): void;
  /** The present run could not even begin. */
  fail(error: unknown): void;
  /** Its process is there, and has to get ready. */
  awaitReady(): void;
  /** It is ready, and has to stay alive. */
  watchLiveness(): void;
}

export interface RunsOptions {
  transaction: string;
  host: TaskHost;
  /** The definition that holds now. */
  task(): TaskServiceConfig;
  life(): Readonly<Life>;
  health: Health;
  restarts: Restarts;
  send(event: LifecycleEvent): void;
  tell(event: TaskEvent): void;
  note(message: ControlMessage): void;
  past: Pick<Past, "code" | "signal"> | undefined;
}

/** A program that leaves with code 0 within this time has probably had nothing to wait for, in milliseconds. */
const AT_ONCE_MS = 5_000;
const STDIN_ADVICE = 'if it leaves when its standard input ends, set stdin="open" in its <Supervision>';

export function createRuns({
  transaction,
  host,
  task,
  life,
  health,
  restarts,
  send,
  tell,
  note,
  past,
}: RunsOptions): Runs {
  let present: Run | undefined;
  let surroundings: Surroundings = { environment: {} };
  let lastExit = past && exitIn(past);
  let lastErrorLine = createLastErrorLine();
  /** The module of the present run does not load, or is no service. */
  let isUnfit = false;
  let begunMs = 0;

  function begin(): void {
    const incarnation = randomUUID();
    const definition = task();
    const provider = { endpoints: host.endpoints, transaction, contextId: host.contextId() };
    lastErrorLine = createLastErrorLine();
    isUnfit = false;
    restarts.runBegan();
    tell({ type: "runBegan", incarnation });
    begunMs = host.nowMs();
    present = beginRun({
      incarnation,
      task: definition,
      assignment: assignmentOf(definition, provider),
      host,
      onPrepared(prepared) {
        surroundings = prepared;
      },
      tell: hear,
    });
  }

  function hear(event: RunEvent): void {
    switch (event.type) {
      case "beat":
        return health.hearBeat(event.beat);
      case "said":
        isUnfit ||= isUnfitness(task(), event.message);
        return note(event.message);
      case "output":
        if (event.stream === "stderr") lastErrorLine.add(event.whole);
        tell(event);
        return health.hearLine(event.whole);
      case "noted":
      case "malformed":
        return tell(event);
      case "spawnFailed":
        return spawnFailed(event.failure);
      case "exit":
        return exited(event.exit);
      default:
        return send(event);
    }
  }

  function spawnFailed({ reason, ...failure }: SpawnFailure): void {
    lastExit = undefined;
    health.end();
    restarts.end({ type: "spawnFailed", reason }, { hasFailed: true, code: null, ...failure });
  }

  function exited(exit: Exit): void {
    lastExit = exit;
    health.end();
    const clean = exit.code !== null && task().supervision.successCodes.includes(exit.code);
    const hasFailed = life().reason !== undefined || !isGoodEnd(life(), clean);
    const reason = [describeExit(exit), lastErrorLine.line ?? []].flat().join(": ");
    restarts.end(
      { type: "exit", clean, reason },
      { hasFailed, code: exit.code, isOfCode: isUnfit, advice: adviceOn(exit) },
    );
  }

  // Such as a REPL, a server with a console, or a watcher that is to leave with the terminal.
  function adviceOn({ code }: Exit): string | undefined {
    const { command, supervision } = task();
    const leftAtOnce = code === 0 && host.nowMs() - begunMs < AT_ONCE_MS;
    return leftAtOnce && command !== undefined && supervision.stdin === "empty" ? STDIN_ADVICE : undefined;
  }

  return {
    get present() {
      return present;
    },
    get lastExit() {
      return lastExit;
    },
    begin,
    fail: (error) => queueMicrotask(() => spawnFailed({ reason: reasonOf(error), isTransient: false })),
    awaitReady: () => health.awaitReady(surroundings),
    watchLiveness: () => health.watchLiveness(surroundings),
  };
}

/** How the last process ended that an earlier provider has run. */
function exitIn({ code, signal }: Pick<Past, "code" | "signal">): Exit | undefined {
  const known = signal !== undefined && isSignal(signal) ? signal : null;
  if (code === undefined && known === null) return undefined;
  return { code: code ?? null, signal: known, wasKilled: false, ended: [] };
}

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}

/** A program says the same of its own reasons. */
function isUnfitness({ command }: TaskServiceConfig, { header, status }: ControlMessage): boolean {
  return command === undefined && header.action === "started" && status.result === "failure";
}

function describeExit({ code, signal }: Exit): string {
  return signal === null ? `the process ended with code ${code}` : `the process was ended by ${signal}`;
}
