// What surrounds the real supervision in a story: a process table, a bus, code and probes, on a virtual clock. They do
// what the story tells them, as badly as they may, and a book is kept of every promise that is broken: what throws in
// the middle of the engine would be caught there.
import { vi } from "vitest";
import type { TaskServiceConfig } from "../../../../src/config/context-config.ts";
import { createStartLimit } from "../../../../src/context/task/start-limit.ts";
import type { Change, SupervisedTask, TaskHost } from "../../../../src/context/task/task-contract.ts";
import { deferred } from "../../../../src/deferred.ts";
import { ZcontextError } from "../../../../src/errors.ts";
import type { RunEvents, TaskRun } from "../../../../src/launch/task-run.ts";
import { type ControlMessage, writeMessage } from "../../../../src/protocol/message.ts";
import { hasProcess, isAtRest } from "../../../../src/protocol/task-state.ts";

export const TRANSACTION = "T1";
/** An exit code that no restart follows. */
export const FOR_GOOD = 78;
/** A size that no task may have. */
const HUGE_MIB = 1e6;

/** How the clock goes on after a step; a `moment` is less than a turn of the event loop. */
export type Pause = "none" | "moment" | "turn" | "alarm" | "second" | "minute";

/** Makes time pass only where a story says so; turns of the event loop are real. */
export function stopTheClock(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
}

export async function pause(length: Pause): Promise<void> {
  if (length === "none") return;
  if (length === "moment") return Promise.resolve();
  if (length === "alarm" && vi.getTimerCount() > 0) vi.advanceTimersToNextTimer();
  if (length === "second") vi.advanceTimersByTime(1_000);
  if (length === "minute") vi.advanceTimersByTime(61_000);
  await turn();
}

/** Lets what is under way go on until it has to wait for an alarm, or for another task. */
async function turn(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

// --- the machine -----------------------------------------------------------------------------------------------------

interface FakeProcess {
  run: string;
  events: RunEvents;
  hasPipe: boolean;
  isSpawned: boolean;
  /** Its leader has gone; no process is left that could say something. */
  isLingering: boolean;
  isAsked: boolean;
  isKilled: boolean;
  /** Announcements so far. */
  said: number;
}

/** What happens to a task, its process, its code or the machine by itself. */
export const DEEDS = [
  "thrives",
  "spawned",
  "spawnFails",
  "spawnIsShort",
  "saysStarted",
  "saysUnfit",
  "saysUpdated",
  "saysFailed",
  "saysExited",
  "saysStopped",
  "saysItEnds",
  "saysItFails",
  "busBrings",
  "busLoses",
  "impostorSaysStarted",
  "impostorSaysFailed",
  "impostorSaysStopped",
  "beats",
  "fallsSilent",
  "probeSucceeds",
  "growsTooLarge",
  "lingers",
  "getsStuck",
  "ends",
  "crashes",
  "endsForGood",
  "isEndedBySignal",
  "isDestroyed",
  "codeIsSlow",
  "codeIsMissing",
  "filesAreShort",
  "codeComes",
  "busIsSlow",
  "busCatchesUp",
] as const;
export type Deed = (typeof DEEDS)[number];

/** The machine that the tasks of a story run on. */
export interface Machine {
  /** Promises that were broken. */
  readonly broken: string[];
  readonly host: TaskHost;
  /** The run of each task that has begun last. */
  readonly present: Map<string, string>;
  isAlive(taskId: string): boolean;
  /** Lets something happen to a task or to the machine; nothing, where it is not possible now. */
  let(deed: Deed, supervised: SupervisedTask): void;
  /** Ends every process that is to end, as late as possible. */
  yield(): void;
  /** Probes, watches and waits that have not been ended. */
  forgotten(): string[];
}

type Doer = (task: { supervised: SupervisedTask; id: string; process: FakeProcess | undefined }) => void;

export function createMachine(): Machine {
  const broken: string[] = [];
  const processes = new Map<string, FakeProcess>();
  const onBus = new Map<string, { run: string; sequence: number; message: ControlMessage }[]>();
  const present = new Map<string, string>();
  const watches = new Map<string, () => void>();
  const probes = new Map<string, () => void>();
  const waitingForCode: (() => void)[] = [];
  /** Waits for the code of a task to change, by what ends them. */
  const changes = new Map<() => void, string>();
  const waitingForBus: (() => void)[] = [];
  let code: "ready" | "slow" | "missing" | "short" = "ready";
  let isBusSlow = false;
  let pids = 4_000;
  let beating = "";

  const heard = async () => {
    if (isBusSlow) await new Promise<void>((resolve) => waitingForBus.push(resolve));
  };

  function launch({ id, command }: TaskServiceConfig, run: string, events: RunEvents): TaskRun {
    if (processes.has(id)) broken.push(`${id}: a second process`);
    const hasPipe = command === undefined;
    const process: FakeProcess = {
      run,
      events,
      hasPipe,
      isSpawned: false,
      isLingering: false,
      isAsked: false,
      isKilled: false,
      said: 0,
    };
    processes.set(id, process);
    // Neither impresses it by itself: when it goes is for the story to say.
    const askToStop = () => {
      process.isAsked = true;
    };
    const kill = () => {
      process.isKilled = true;
    };
    return { askToStop, bye() {}, heard() {}, caughtUp: async () => {}, kill, destroy: kill };
  }

  function say(action: string, result = "success"): Doer {
    return ({ supervised, id, process }) => {
      if (!process?.isSpawned || process.isLingering) return;
      process.said += 1;
      const message = announcement(supervised.task, action, result);
      const words = { run: process.run, sequence: process.said, message };
      onBus.set(id, [...(onBus.get(id) ?? []), words]);
      const { body } = writeMessage(message);
      if (process.hasPipe) process.events.onAnnounced({ sequence: process.said, message: body as never });
    };
  }

  function tellEnd(reason: string | undefined): Doer {
    return ({ process }) => {
      if (process?.isSpawned && process.hasPipe && !process.isLingering) process.events.onEnding(reason);
    };
  }

  function pretend(action: string): Doer {
    return ({ supervised }) => supervised.note(announcement(supervised.task, action, "success"));
  }

  function end(how: { code: number | null }): Doer {
    return ({ id, process }) => {
      if (!process?.isSpawned) return;
      processes.delete(id);
      const signal = process.isKilled ? "SIGKILL" : how.code === null ? "SIGSEGV" : null;
      const exitCode = signal === null ? how.code : null;
      process.events.onExit({ code: exitCode, signal, wasKilled: process.isKilled, ended: [] });
    };
  }

  function failToSpawn(isTransient: boolean): Doer {
    return ({ id, process }) => {
      if (process === undefined || process.isSpawned) return;
      processes.delete(id);
      process.events.onSpawnFailed({ reason: isTransient ? "no memory" : "no such file", isTransient });
    };
  }

  const deeds: Record<Deed, Doer> = {
    // The next thing it would do if all went well.
    thrives(task) {
      const { process } = task;
      release(waitingForCode);
      if (process === undefined) return;
      if (!process.isSpawned) return deeds.spawned(task);
      if (process.isAsked || process.isKilled || process.isLingering) return deeds.ends(task);
      deeds.probeSucceeds(task);
      deeds.saysStarted(task);
      deeds.busBrings(task);
    },
    spawned({ process }) {
      if (process === undefined || process.isSpawned) return;
      process.isSpawned = true;
      pids += 1;
      process.events.onSpawned(pids);
    },
    spawnFails: failToSpawn(false),
    spawnIsShort: failToSpawn(true),
    saysStarted: say("started"),
    saysUnfit: say("started", "failure"),
    saysUpdated: say("updated"),
    saysFailed: say("failed", "failure"),
    saysExited: say("exited"),
    saysStopped: say("stopped"),
    saysItEnds: tellEnd(undefined),
    saysItFails: tellEnd("the disk is full"),
    busBrings({ supervised, id }) {
      const words = onBus.get(id)?.shift();
      if (words === undefined) return;
      const isHeard = supervised.hear(words.run, words.sequence, words.message);
      if (isHeard && words.run !== present.get(id)) broken.push(`${id}: listens to a run that is over`);
    },
    busLoses: ({ id }) => void onBus.get(id)?.shift(),
    impostorSaysStarted: pretend("started"),
    impostorSaysFailed: pretend("failed"),
    impostorSaysStopped: pretend("stopped"),
    beats({ id, process }) {
      if (!process?.isSpawned || process.isLingering) return;
      beating = id;
      process.events.onBeat({ delayMs: 0, heapBytes: 0, handles: 0, isInspected: false });
    },
    fallsSilent(task) {
      deeds.beats(task);
      const tell = watches.get(task.id);
      watches.delete(task.id);
      tell?.();
    },
    probeSucceeds({ id }) {
      const tell = probes.get(id);
      probes.delete(id);
      tell?.();
    },
    growsTooLarge({ supervised, process }) {
      if (process?.isSpawned) supervised.inspect({ memory: { mib: HUGE_MIB, figure: "pss" }, isHalted: false });
    },
    lingers({ process }) {
      if (!process?.isSpawned || process.isLingering) return;
      process.isLingering = true;
      process.events.onLeftovers();
    },
    getsStuck({ process }) {
      if (process?.isSpawned && process.isKilled) process.events.onStuck("state D");
    },
    ends: end({ code: 0 }),
    crashes: end({ code: 1 }),
    endsForGood: end({ code: FOR_GOOD }),
    isEndedBySignal: end({ code: null }),
    isDestroyed: ({ supervised }) => supervised.kill(),
    codeIsSlow() {
      code = "slow";
    },
    codeIsMissing() {
      code = "missing";
    },
    filesAreShort() {
      code = "short";
    },
    codeComes() {
      release(waitingForCode);
      for (const change of changes.keys()) change();
    },
    busIsSlow() {
      isBusSlow = true;
    },
    busCatchesUp() {
      isBusSlow = false;
      release(waitingForBus);
    },
  };

  return {
    broken,
    present,
    host: {
      contextId: () => "context001",
      endpoints: { publish: "tcp://127.0.0.1:1", subscribe: "tcp://127.0.0.1:2" },
      launcher: { launch: (run, { task }, events) => launch(task, run, events) },
      acquireStart: createStartLimit(2),
      liveness: {
        startWatchdog(_, onSilent) {
          const id = beating;
          const tell = () => onSilent(0);
          if (watches.has(id)) broken.push(`${id}: a second watch`);
          watches.set(id, tell);
          const end = () => void (watches.get(id) === tell && watches.delete(id));
          return { beat() {}, end };
        },
      },
      async prepare() {
        const found = code;
        code = "ready";
        if (found === "slow") await new Promise<void>((resolve) => waitingForCode.push(resolve));
        if (found === "missing") throw new ZcontextError("ERR_SERVICE_NOT_FOUND", "no such service");
        if (found === "short") throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
        return { path: "/services/Any/ServiceAny.mjs", environment: {} };
      },
      codeChanged({ id }, signal) {
        const change = deferred();
        changes.set(change.resolve, id);
        signal.addEventListener("abort", () => changes.delete(change.resolve));
        return change.promise;
      },
      programs: {
        probe({ id }, _, onReady) {
          if (probes.has(id)) broken.push(`${id}: a second probe`);
          probes.set(id, onReady);
          return { lastFault: undefined, line() {}, stop: () => void probes.delete(id) };
        },
        liveness: () => ({ stop() {} }),
        stopCommand: async () => undefined,
      },
      nowMs: () => performance.now(),
      publish: () => true,
      publishThrough: heard,
      caughtUp: heard,
    },
    isAlive: (id) => processes.has(id),
    let: (deed, supervised) =>
      deeds[deed]({ supervised, id: supervised.task.id, process: processes.get(supervised.task.id) }),
    yield() {
      code = "ready";
      isBusSlow = false;
      release(waitingForCode);
      release(waitingForBus);
      for (const [id, process] of [...processes]) {
        const task = { id, process } as Parameters<Doer>[0];
        deeds.spawned(task);
        if (process.isKilled || process.isLingering) deeds.ends(task);
      }
    },
    forgotten: () => [
      ...[...watches.keys()].map((id) => `watch of ${id}`),
      ...[...probes.keys()].map((id) => `probe of ${id}`),
      ...[...changes.values()].map((id) => `wait for the code of ${id}`),
    ],
  };
}

function announcement(task: TaskServiceConfig, action: string, result: string): ControlMessage {
  const header = { action, serviceId: task.id, serviceName: task.serviceName, transaction: TRANSACTION };
  return { kind: "control", header, status: { device_action: "shout", result } };
}

function release(waiting: (() => void)[]): void {
  for (const resolve of waiting.splice(0)) resolve();
}

// --- the book --------------------------------------------------------------------------------------------------------

/** What was promised about one task, held against what happens to it. */
export interface Book {
  /** A command or a trigger has asked for a run. */
  isAsked(): void;
  /** A command or a trigger has stopped it. */
  isStopped(): void;
  /** A run begins. */
  ran(run: string): void;
  changed(supervised: SupervisedTask, change: Change): void;
  /** Whether one of its ends was judged; after each change, or they are taken for one. */
  look(supervised: SupervisedTask): void;
  refused(): void;
  /** After each step. */
  check(supervised: SupervisedTask): void;
}

/** Opens the book of a task that has done nothing yet in this story. */
export function openBook(
  { task: { id, supervision }, standing, memory: first }: SupervisedTask,
  { broken, present, isAlive }: Machine,
): Book {
  let { state } = standing;
  let runs = standing.life.run;
  let memory = first;
  let mayRun = false;
  /** Ends that were judged since the last run, or the last stop. */
  let judged = 0;
  /** Ends of this step that a restart may follow, unless that is refused. */
  let fresh: number[] = [];
  let followed: number[] = [];

  function look(supervised: SupervisedTask): void {
    if (supervised.memory === memory) return;
    memory = supervised.memory;
    if (memory.ends.length === 0) {
      followed = [];
      fresh = [];
      judged = 0;
      return;
    }
    judged += 1;
    fresh.push(memory.ends.at(-1) ?? 0);
    if (judged > 1) broken.push(`${id}: two restartHistory for one end`);
  }

  return {
    look,
    isAsked() {
      mayRun = true;
    },
    isStopped() {
      mayRun = false;
      judged = 0;
    },
    ran(run) {
      present.set(id, run);
      if (!mayRun) broken.push(`${id}: a run that was not asked for`);
      runs += 1;
      judged = 0;
    },
    changed(supervised, { from, event }) {
      look(supervised);
      if (from !== state) broken.push(`${id}: a gap between ${state} and ${from}, by ${event}`);
      state = supervised.standing.state;
      // One whose code can't be run is started when that changes.
      if (isAtRest(state)) mayRun = supervised.awaitsCode;
    },
    // What was refused leads to nothing: once its period is over, the end may be judged anew.
    refused() {
      if (fresh.pop() !== undefined) judged -= 1;
    },
    check(supervised) {
      look(supervised);
      const { standing } = supervised;
      if (standing.state !== state) broken.push(`${id}: ${state} went to ${standing.state} without a word`);
      if (standing.life.run !== runs) broken.push(`${id}: run ${standing.life.run}, and ${runs} have begun`);
      if (!hasProcess(state) && isAlive(id)) broken.push(`${id}: ${state}, and its process lives`);
      followed.push(...fresh);
      fresh = [];
      const { maxRestarts, periodMs, onLimit } = supervision;
      if (onLimit === "fail" && isOverrun(followed, maxRestarts, periodMs)) broken.push(`${id}: too many restarts`);
    },
  };
}

/** Whether any of these moments is the last of too many within a period. */
function isOverrun(moments: readonly number[], most: number, periodMs: number): boolean {
  return moments.some((at, index) => {
    const first = moments[index - most];
    return first !== undefined && first > at - periodMs;
  });
}
