// The promises of the real supervision, whatever happens and in whatever order. A counterexample is a story: what
// happens to which task, and how the clock goes on after that.
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  DEFAULT_SUPERVISION,
  LIMIT_POLICIES,
  RESTART_POLICIES,
  type RestartPolicy,
  STRATEGIES,
  type Strategy,
  type TaskServiceConfig,
  TRIGGER_ACTIONS,
  TRIGGER_EVENTS,
  type TriggerEvent,
} from "../../../../src/config/context-config.ts";
import { dispatch } from "../../../../src/context/provider/dispatch.ts";
import type { Past } from "../../../../src/context/task/life.ts";
import { supervise } from "../../../../src/context/task/supervisor.ts";
import {
  type Cause,
  type Change,
  COMMAND,
  type Order,
  type SupervisedTask,
  type TaskEvent,
} from "../../../../src/context/task/task-contract.ts";
import { missingFor } from "../../../../src/context/transaction/dependencies.ts";
import {
  openTransaction,
  type Transaction,
  type TransactionEvent,
} from "../../../../src/context/transaction/transaction.ts";
import type { Consequence } from "../../../../src/context/transaction/triggers.ts";
import { hasProcess, isAtRest, type TaskState } from "../../../../src/protocol/task-state.ts";
import { stories } from "../../../support/stories.ts";
import { task } from "../task.ts";
import {
  type Book,
  createMachine,
  DEEDS,
  type Deed,
  FOR_GOOD,
  type Machine,
  openBook,
  type Pause,
  pause,
  stopTheClock,
  TRANSACTION,
} from "./engine.ts";

beforeEach(stopTheClock);
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

// A bound for a machine that is busy, as in vitest.config.ts.
const timeout = 600_000;
/** In so many rounds a stop has brought everything to rest: some for each task, since one may wait for the other. */
const ROUNDS = 60;

const PROBE = { kind: "tcp", host: "127.0.0.1", port: 1, intervalMs: 1_000, timeoutMs: 5_000 } as const;
const PROGRAM = { program: "store", words: [], readyAfterMs: 1_000 };

const supervision = fc
  .record({
    restart: fc.constantFrom(...RESTART_POLICIES),
    onLimit: fc.constantFrom(...LIMIT_POLICIES),
    maxRestarts: fc.nat(3),
    isProbed: fc.boolean(),
  })
  .map(({ isProbed, ...but }) => ({
    ...DEFAULT_SUPERVISION,
    noRestartCodes: [FOR_GOOD],
    memoryMaxMib: 100,
    ...but,
    ...(isProbed ? { probe: PROBE } : {}),
  }));

const past: fc.Arbitrary<Past> = fc.record({
  state: fc.constantFrom<TaskState>("defined", "running", "stopping", "exited", "failed", "stopped"),
  runs: fc.nat(3),
  ends: fc.constant([]),
});

// Most of what happens is what should; without that nothing much could go wrong.
const deed = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Deed>("thrives") },
  { weight: 1, arbitrary: fc.constantFrom<Deed>("ends", "crashes", "saysStarted", "fallsSilent", "getsStuck") },
  { weight: 3, arbitrary: fc.constantFrom<Deed>(...DEEDS) },
);
const length = fc.constantFrom<Pause>(
  "none",
  "none",
  "moment",
  "turn",
  "turn",
  "turn",
  "turn",
  "alarm",
  "second",
  "minute",
);

// Jitter is thrown with dice of our own, so that a story can be told again.
function throwDice(): void {
  let last = 1;
  vi.spyOn(Math, "random").mockImplementation(() => {
    last = (last * 16_807) % 2_147_483_647;
    return last / 2_147_483_647;
  });
}

async function comeToRest(machine: Machine, isAtRest: () => boolean): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    machine.yield();
    await pause("turn");
    if (isAtRest()) return;
    await pause("alarm");
  }
  machine.broken.push("still under way long after a stop");
}

/** What is left of a story that is over. */
function leftovers(machine: Machine): string[] {
  const armed = vi.getTimerCount();
  vi.clearAllTimers();
  return [...machine.forgotten(), ...(armed === 0 ? [] : [`${armed} timers`])];
}

// --- one task --------------------------------------------------------------------------------------------------------

const COMMANDS = ["define", "start", "stop", "restart", "resume"] as const;
const TRIGGERED = ["start", "stop", "restart"] as const;
const CIRCUMSTANCES = ["stopSoon", "accompany", "needsOther", "needsNobody"] as const;

type Own = Partial<Record<TriggerEvent, (typeof TRIGGERED)[number]>>;
type Step =
  | { command: (typeof COMMANDS)[number] }
  | { trigger: (typeof TRIGGERED)[number] }
  | { circumstance: (typeof CIRCUMSTANCES)[number] }
  | { deed: Deed };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ command: fc.constantFrom(...COMMANDS, "start", "start") }) },
  { weight: 1, arbitrary: fc.record({ trigger: fc.constantFrom(...TRIGGERED, "start") }) },
  { weight: 1, arbitrary: fc.record({ circumstance: fc.constantFrom(...CIRCUMSTANCES, "needsNobody") }) },
  { weight: 16, arbitrary: fc.record({ deed }) },
);

const TRIGGER: Cause = { kind: "trigger", event: "on_exit", task: "another" };

/** The real supervision of one task, which its own triggers may start, stop or restart. */
function superviseOne(definition: TaskServiceConfig, own: Own, before: Past | undefined) {
  const machine = createMachine();
  const fired: { event: TriggerEvent; run: number }[] = [];
  const everFired = new Set<string>();
  const supervised: SupervisedTask = supervise(
    definition,
    { transaction: TRANSACTION, host: machine.host, observe },
    before,
  );
  const book = openBook(supervised, machine);

  function observe(_: SupervisedTask, told: TaskEvent): void {
    switch (told.type) {
      case "runBegan":
        return book.ran(told.incarnation);
      case "fired": {
        const once = `${told.event} of run ${told.run}`;
        if (told.event !== "on_update" && everFired.has(once)) machine.broken.push(`${once} a second time`);
        everFired.add(once);
        fired.push(told);
        return void setImmediate(followTriggers);
      }
      case "restartRefused":
        return book.refused();
      case "changed":
        return book.changed(supervised, told.change);
      case "malformed":
        return void machine.broken.push(told.error.message);
      case "effectFailed":
        return void machine.broken.push(`${told.effect}: ${told.error}`);
    }
  }

  function followTriggers(): void {
    for (let next = fired.shift(); next !== undefined; next = fired.shift()) {
      const action = own[next.event];
      if (action !== undefined) follow(action, { ownRun: next.run });
    }
  }

  function follow(action: "start" | "stop" | "restart", by: { ownRun?: number } = {}): void {
    if (action === "stop") {
      book.isStopped();
      return supervised.stop(TRIGGER);
    }
    book.isAsked();
    supervised.trigger(action, { ...by, cause: TRIGGER });
  }

  // As a transaction does, triggers are followed before a command is obeyed.
  function obey(action: (typeof COMMANDS)[number]): void {
    followTriggers();
    if (action === "stop") book.isStopped();
    else if (action !== "define") book.isAsked();
    supervised.obey({ task: supervised.task, action });
  }

  function meet(circumstance: (typeof CIRCUMSTANCES)[number]): void {
    const { state, life } = supervised.standing;
    if (circumstance === "stopSoon") {
      followTriggers();
      book.isStopped();
      supervised.stopSoon(COMMAND);
    } else if (circumstance !== "accompany")
      supervised.waitFor(circumstance === "needsOther" ? [{ id: "ts002", state: "starting" }] : []);
    else if (hasProcess(state) && !life.requested) supervised.restartWith(700, TRIGGER);
  }

  return {
    machine,
    supervised,
    obey,
    check: () => book.check(supervised),
    async take(step: Step, length: Pause): Promise<void> {
      if ("command" in step) obey(step.command);
      else if ("trigger" in step) follow(step.trigger);
      else if ("circumstance" in step) meet(step.circumstance);
      else machine.let(step.deed, supervised);
      book.check(supervised);
      await pause(length);
      book.check(supervised);
    },
  };
}

const oneTask = fc.record({
  supervision,
  isProgram: fc.boolean(),
  own: fc.record(
    Object.fromEntries(TRIGGER_EVENTS.map((event) => [event, fc.constantFrom(...TRIGGERED)])) as Record<
      TriggerEvent,
      fc.Arbitrary<(typeof TRIGGERED)[number]>
    >,
    { requiredKeys: [] },
  ),
  before: fc.option(past, { nil: undefined, freq: 5 }),
  steps: fc.array(fc.tuple(step, length), { maxLength: 40, size: "max" }),
});

test("one task keeps every promise, whatever is asked of it, and is brought to rest by a stop", {
  timeout,
}, async () => {
  const seen = new Set<TaskState>();

  await fc.assert(
    fc.asyncProperty(oneTask, async ({ supervision, isProgram, own, before, steps }) => {
      throwDice();
      const definition = task("ts001", { supervision, ...(isProgram ? { command: PROGRAM } : {}) });
      const { machine, supervised, obey, take, check } = superviseOne(definition, own, before);

      for (const [step, length] of steps) {
        await take(step, length);
        seen.add(supervised.standing.state);
      }
      obey("stop");
      await comeToRest(machine, () => isAtRest(supervised.standing.state));
      check();

      expect([...machine.broken, ...leftovers(machine)].join("\n")).toBe("");
    }),
    { numRuns: stories(800) },
  );

  expect(seen.size).toBe(12);
});

// --- a transaction ---------------------------------------------------------------------------------------------------

const IDS = ["ts001", "ts002", "ts003", "ts004"];

type Turn =
  | { action: "start" | "stop" | "restart"; ids: readonly string[] }
  | { all: "stop" | "thrive" }
  | { deed: Deed; index: number };

const trigger = fc.record({
  action: fc.constantFrom(...TRIGGER_ACTIONS, "start", "start", "restart", "restart"),
  call: fc.array(fc.constantFrom(...IDS, ...IDS, "all"), { minLength: 1, maxLength: 2 }),
});
const triggers = fc.record(
  { on_start: trigger, on_update: trigger, on_fail: trigger, on_exit: trigger },
  { requiredKeys: [] },
);

// A task depends on tasks before or after it in the file, and never in a circle.
const file = fc
  .record({
    tasks: fc.array(
      fc.record({ supervision, triggers, needs: fc.subarray([0, 1, 2]), isOnDemand: fc.nat(4), isProgram: fc.nat(4) }),
      { minLength: 2, maxLength: IDS.length },
    ),
    isReversed: fc.boolean(),
    strategy: fc.constantFrom<Strategy>("one_for_one", ...STRATEGIES),
  })
  .map(({ tasks, isReversed, strategy }) => {
    const defined = tasks.map(({ supervision, triggers, needs, isOnDemand, isProgram }, index) =>
      task(IDS[index] as string, {
        supervision: {
          ...supervision,
          dependsOn: needs.filter((other) => other < index).map((other) => IDS[other] as string),
        },
        triggers,
        ...(isOnDemand === 0 ? { entry: "on_demand" } : {}),
        ...(isProgram === 0 ? { command: PROGRAM, serviceType: "Executable" as const } : {}),
      }),
    );
    return { tasks: isReversed ? defined.reverse() : defined, strategy };
  });

const ids = fc.oneof(fc.constant([]), fc.subarray(IDS, { minLength: 1 }));
const orderStep: fc.Arbitrary<Turn> = fc.record({
  action: fc.constantFrom("start", "start", "start", "start", "stop", "restart"),
  ids,
});
const turn: fc.Arbitrary<Turn> = fc.oneof(
  { weight: 6, arbitrary: orderStep },
  { weight: 1, arbitrary: fc.constant<Turn>({ all: "stop" }) },
  { weight: 16, arbitrary: fc.constant<Turn>({ all: "thrive" }) },
  { weight: 30, arbitrary: fc.record({ deed, index: fc.nat(IDS.length - 1) }) },
);

/** The real supervision of a transaction, opened anew when it is over and started again. */
function superviseAll(tasks: readonly TaskServiceConfig[], strategy: Strategy) {
  const machine = createMachine();
  const { broken } = machine;
  const books = new Map<string, Book>();
  /** Tasks that a command or a trigger has stopped, until they are gone or are to run again. */
  const toStop = new Set<string>();
  /** Tasks that are to run as soon as they are known. */
  const asked = new Set<string>();
  let ordered: readonly string[] = [];
  let hasExited = false;
  let isOver = true;
  let transaction = open();

  function open(): Transaction {
    for (const known of [books, toStop, asked]) known.clear();
    const opened: Transaction = openTransaction(TRANSACTION, "context", {
      host: machine.host,
      config: () => ({ logName: "", tasks: [...tasks], strategy }),
      addresses: {},
      observe: (supervised, told) => observe(opened, supervised, told),
      onQuiet(over) {
        if (opened === transaction) isOver = over;
      },
    });
    return opened;
  }

  function observe({ tasks: known }: Transaction, supervised: SupervisedTask, told: TransactionEvent): void {
    const { id } = supervised.task;
    switch (told.type) {
      case "defined":
        if (books.has(id)) return;
        books.set(id, openBook(supervised, machine));
        if (asked.has(id)) isAsked(id);
        return;
      case "runBegan":
        if (ordered.includes(id)) isAsked(id);
        return books.get(id)?.ran(told.incarnation);
      case "moved":
        return moved(supervised, told.change);
      case "changed":
        for (const each of known) books.get(each.task.id)?.look(each);
        return;
      case "triggered":
        return triggered(told.consequence);
      case "restartRefused":
        return books.get(id)?.refused();
      case "malformed":
        return void broken.push(told.error.message);
      case "effectFailed":
        return void broken.push(`${told.effect}: ${told.error}`);
    }
  }

  function isAsked(id: string): void {
    asked.add(id);
    toStop.delete(id);
    books.get(id)?.isAsked();
  }

  function moved(supervised: SupervisedTask, change: Change): void {
    const { task, standing } = supervised;
    books.get(task.id)?.changed(supervised, change);
    if (change.event === "stop" && change.cause?.kind === "command" && hasProcess(standing.state)) checkOrder(task.id);
    if (!hasProcess(standing.state)) toStop.delete(task.id);
  }

  function checkOrder(id: string): void {
    for (const { task, standing } of transaction.tasks)
      if (toStop.has(task.id) && isWaitedFor(standing.state) && task.supervision.dependsOn.includes(id))
        broken.push(`${id} is asked to stop, and ${task.id}, which needs it, is still ${standing.state}`);
  }

  function triggered(consequence: Consequence): void {
    if (consequence.action === "exit") {
      hasExited = true;
      for (const { task } of transaction.tasks) toStop.add(task.id);
      return;
    }
    for (const id of consequence.serviceIds) {
      if (consequence.action === "stop") books.get(id)?.isStopped();
      else isAsked(id);
    }
  }

  // As the provider does it: a command is looked at first, and may be refused.
  function command(action: string, ids: readonly string[]): void {
    const header = { action, transaction: TRANSACTION, serviceId: "", serviceName: "context" };
    const configuration = { TaskService: ids.map((id) => ({ id })) };
    const decision = dispatch(
      { kind: "context", header, configuration: ids.length === 0 ? undefined : configuration },
      {
        contextId: machine.host.contextId(),
        ownTasks: tasks,
        supervision: DEFAULT_SUPERVISION,
        find: () => (isOver ? undefined : transaction.view),
        hasEnded: () => false,
        busy: () => [],
        whyUnknown: () => "is unknown",
        mayLoad: () => true,
      },
    );
    if (decision.kind === "obey") obey(decision.orders);
  }

  function obey(orders: readonly Order[]): void {
    noteExit();
    if (isOver) transaction = open();
    isOver = false;
    const idsOf = (isMeant: (action: string) => boolean) =>
      orders.filter(({ action }) => isMeant(action)).map(({ task }) => task.id);
    const stopped = idsOf((action) => action === "stop");
    ordered = idsOf((action) => action !== "stop" && action !== "define");
    for (const id of stopped) toStop.add(id);
    for (const id of ordered) toStop.delete(id);
    transaction.obey(orders);
    ordered.forEach(isAsked);
    ordered = [];
    for (const id of stopped) books.get(id)?.isStopped();
  }

  function stop(): void {
    for (const { task } of transaction.tasks) toStop.add(task.id);
    transaction.stop();
    for (const book of books.values()) book.isStopped();
  }

  function happen(deed: Deed, tasks: readonly SupervisedTask[]): void {
    for (const supervised of tasks) if (!isOver) machine.let(deed, supervised);
  }

  // A trigger has stopped everything by now.
  function noteExit(): void {
    if (hasExited) for (const book of books.values()) book.isStopped();
    hasExited = false;
  }

  function check(): void {
    noteExit();
    const states = new Map(
      [...transaction.tasks].map(({ task, standing }) => [task.id, { task, state: standing.state }]),
    );
    for (const supervised of transaction.tasks) {
      const { task, standing } = supervised;
      books.get(task.id)?.check(supervised);
      const [waitsFor, missing] = [standing.life.missing, missingFor(task, states)].map((all) => JSON.stringify(all));
      if (waitsFor !== missing) broken.push(`${task.id} waits for ${waitsFor}, not ${missing}`);
    }
  }

  return {
    machine,
    check,
    stop,
    states: () => [...transaction.tasks].map(({ standing }) => standing.state),
    get isOver() {
      return isOver;
    },
    /** Takes up what an earlier provider has left of them, in the order of the file. */
    resume(pasts: readonly Past[]): void {
      isOver = false;
      const left = tasks.flatMap((task, index) => {
        const past = pasts[index];
        return past === undefined ? [] : [{ task, past }];
      });
      for (const { task, past } of left) transaction.resume(task, past);
      const wanted = left.filter(({ past }) => past.state === "running");
      obey(wanted.map(({ task }) => ({ task, action: "resume" })));
    },
    async take(turn: Turn, length: Pause): Promise<void> {
      if ("action" in turn)
        command(
          turn.action,
          turn.ids.filter((id) => tasks.some((task) => task.id === id)),
        );
      else if ("deed" in turn) happen(turn.deed, [...transaction.tasks].slice(turn.index, turn.index + 1));
      else if (turn.all === "thrive") happen("thrives", [...transaction.tasks]);
      else stop();
      check();
      await pause(length);
      check();
    },
  };
}

// A task that can't be ended is not waited for.
function isWaitedFor(state: TaskState): boolean {
  return hasProcess(state) && state !== "stuck";
}

type World = ReturnType<typeof superviseAll>;

const context = fc.record({
  file,
  before: fc.option(fc.array(past, { maxLength: IDS.length }), { nil: undefined, freq: 5 }),
  turns: fc.array(fc.tuple(turn, length), { maxLength: 60, size: "max" }),
});

test("a transaction keeps every promise, whatever its tasks need of each other, and is over after a stop", {
  timeout,
}, async () => {
  const seen = new Set<TaskState>();

  await fc.assert(
    fc.asyncProperty(context, async ({ file: { tasks, strategy }, before, turns }) => {
      throwDice();
      const all = superviseAll(tasks, strategy);

      if (before !== undefined) all.resume(before);
      for (const [turn, length] of turns) {
        await all.take(turn, length);
        for (const state of all.states()) seen.add(state);
      }
      all.stop();
      await comeToRest(all.machine, () => all.states().every(isAtRest));
      all.check();
      if (all.states().length > 0 && !all.isOver) all.machine.broken.push("all is over, and that was not told");

      expect([...all.machine.broken, ...leftovers(all.machine)].join("\n")).toBe("");
    }),
    { numRuns: stories(400) },
  );

  expect(seen.size).toBe(12);
});

// --- stories that have gone wrong once -------------------------------------------------------------------------------

// Between any two steps of getting it started.
test("a task that is stopped right after its start has no process later", async () => {
  for (let ticks = 0; ticks < 20; ticks += 1) {
    const { machine, supervised, obey, check } = superviseOne(task("ts001"), {}, undefined);

    obey("start");
    for (let tick = 0; tick < ticks; tick += 1) await undefined;
    obey("stop");
    await comeToRest(machine, () => isAtRest(supervised.standing.state));
    check();

    expect(supervised.standing.state).toBe("stopped");
    expect([...machine.broken, ...leftovers(machine)]).toEqual([]);
  }
});

test("a task that is killed while its code is being prepared has no process once that is done", async () => {
  const { machine, supervised, take } = superviseOne(task("ts001"), {}, undefined);
  await take({ deed: "codeIsSlow" }, "none");
  await take({ command: "start" }, "turn");
  await take({ deed: "impostorSaysStopped" }, "turn");
  expect(supervised.standing.state).toBe("stopping");

  await take({ deed: "filesAreShort" }, "alarm"); // of its grace period
  await take({ deed: "codeComes" }, "turn");

  expect(supervised.standing.state).toBe("exited");
  expect(machine.isAlive("ts001")).toBe(false);
  expect([...machine.broken, ...leftovers(machine)]).toEqual([]);
});

describe("two tasks", () => {
  const needing = (id: string, ...dependsOn: string[]) =>
    task(id, { supervision: { ...DEFAULT_SUPERVISION, dependsOn } });
  const waker = task("ts001", { triggers: { on_update: { action: "start", call: ["ts002"] } } });
  const WAKER = 0;

  test("of which one needs another that has ended well before the provider came back: it is started", async () => {
    const all = superviseAll([needing("ts002", "ts001"), task("ts001")], "one_for_one");

    all.resume([
      { state: "running", runs: 1, ends: [] },
      { state: "exited", runs: 1, ends: [] },
    ]);

    expect(all.states()).toEqual(["starting", "exited"]);
  });

  test("of which one starts the other while that is being stopped: a second stop wins", async () => {
    const all = superviseAll([waker, task("ts002")], "one_for_one");
    await runBoth(all);

    await all.take({ action: "stop", ids: ["ts002"] }, "turn");
    await all.take({ deed: "saysUpdated", index: WAKER }, "turn");
    await all.take({ deed: "busBrings", index: WAKER }, "turn");
    await all.take({ action: "stop", ids: ["ts002"] }, "turn");
    await all.take({ all: "thrive" }, "turn");

    expect(all.states()).toEqual(["running", "stopped"]);
    expect(all.machine.broken).toEqual([]);
  });

  test("of which one starts the other while that is being stopped: it can be stopped again once it runs", async () => {
    const all = superviseAll([waker, task("ts002")], "one_for_one");
    await runBoth(all);
    await all.take({ action: "stop", ids: ["ts002"] }, "turn");
    await all.take({ deed: "saysUpdated", index: WAKER }, "turn");
    await all.take({ deed: "busBrings", index: WAKER }, "turn");
    for (let round = 0; round < 4; round += 1) await all.take({ all: "thrive" }, "turn");
    expect(all.states()).toEqual(["running", "running"]);

    await all.take({ action: "stop", ids: ["ts002"] }, "turn");

    expect(all.states()).toEqual(["running", "stopping"]);
    expect(all.machine.broken).toEqual([]);
  });

  test("of which one can't be ended: the other is stopped all the same, though that one needs it", async () => {
    const all = superviseAll([task("ts001"), needing("ts002", "ts001")], "one_for_one");
    await runBoth(all);
    await all.take({ all: "stop" }, "minute");

    await all.take({ deed: "getsStuck", index: 1 }, "turn");

    expect(all.states()).toEqual(["stopping", "stuck"]);
    expect(all.machine.broken).toEqual([]);
  });

  test("of which a third one's trigger stops both: first the one that needs the other", async () => {
    const stopper = task("ts003", { triggers: { on_update: { action: "stop", call: ["ts001", "ts002"] } } });
    const all = superviseAll([task("ts001"), needing("ts002", "ts001"), stopper], "one_for_one");
    await all.take({ action: "start", ids: [] }, "turn");
    for (let round = 0; round < 4; round += 1) await all.take({ all: "thrive" }, "turn");

    await all.take({ deed: "saysUpdated", index: 2 }, "turn");
    await all.take({ deed: "busBrings", index: 2 }, "turn");

    expect(all.states()).toEqual(["running", "stopping", "running"]);
    await all.take({ deed: "ends", index: 1 }, "turn");
    expect(all.states()).toEqual(["stopping", "stopped", "running"]);
  });

  test.each<[string, Turn]>([
    ["a restart by hand", { action: "restart", ids: ["ts001"] }],
    ["the end of another, with which it is restarted,", { deed: "crashes", index: 1 }],
  ])("of which one hangs: its failure is told though %s has it run again", async (_, turn) => {
    const again = { ...DEFAULT_SUPERVISION, restart: "on-failure" as const };
    const helper = task("ts003", { entry: "on_demand" });
    const all = superviseAll(
      [
        task("ts001", { supervision: again, triggers: { on_fail: { action: "start", call: ["ts003"] } } }),
        task("ts002", { supervision: again }),
        helper,
      ],
      "one_for_all",
    );
    await all.take({ action: "start", ids: [] }, "turn");
    for (let round = 0; round < 3; round += 1) await all.take({ all: "thrive" }, "turn");
    expect(all.states()).toEqual(["running", "running", "defined"]);

    await all.take({ deed: "fallsSilent", index: 0 }, "turn");
    await all.take(turn, "turn");
    await all.take({ deed: "isEndedBySignal", index: 0 }, "turn");

    expect(["starting", "backingOff"]).toContain(all.states()[0]);
    expect(all.states()[2]).toBe("starting");
    expect(all.machine.broken).toEqual([]);
  });

  async function runBoth(all: World): Promise<void> {
    await all.take({ action: "start", ids: [] }, "turn");
    for (let round = 0; round < 6; round += 1) await all.take({ all: "thrive" }, "turn");
    expect(all.states()).toEqual(["running", "running"]);
  }
});

describe("a task that another needs, which is stopped with it and so before it,", () => {
  const needed = task("ts001");
  const needing = task("ts002", { supervision: { ...DEFAULT_SUPERVISION, dependsOn: ["ts001"] } });
  const waker = task("ts003", { triggers: { on_update: { action: "start", call: ["ts002"] } } });
  const [NEEDING, WAKER] = [1, 2];

  test("is stopped, too, when a trigger has that one started again", async () => {
    const all = await whileBothAreStopped();

    await all.take({ deed: "saysUpdated", index: WAKER }, "turn");
    await all.take({ deed: "busBrings", index: WAKER }, "turn");
    await all.take({ deed: "ends", index: NEEDING }, "turn");

    expect(all.states()).toEqual(["stopping", "starting", "running"]);
  });

  test("runs on when it is restarted meanwhile", async () => {
    const all = await whileBothAreStopped();

    await all.take({ action: "restart", ids: ["ts001"] }, "turn");
    for (let round = 0; round < 6; round += 1) await all.take({ all: "thrive" }, "turn");

    expect(all.states()).toEqual(["running", "stopped", "running"]);
  });

  async function whileBothAreStopped(): Promise<World> {
    const all = superviseAll([needed, needing, waker], "one_for_one");
    await all.take({ action: "start", ids: [] }, "turn");
    for (let round = 0; round < 6; round += 1) await all.take({ all: "thrive" }, "turn");
    await all.take({ action: "stop", ids: ["ts001", "ts002"] }, "turn");
    expect(all.states()).toEqual(["running", "stopping", "running"]);
    return all;
  }
});

describe.each<[string, RestartPolicy, TaskServiceConfig["triggers"]]>([
  ["its policy", "on-failure", {}],
  ["a trigger of its own", "never", { on_fail: { action: "restart", call: ["ts001"] } }],
  ["both", "on-failure", { on_fail: { action: "restart", call: ["ts001"] } }],
])("a task that is restarted by %s", (_, restart, triggers) => {
  test.each([
    ["at once", 0],
    ["after 1.5 s", 1_500],
  ])("and ends %s, runs 6 times at growing gaps, and has failed then", async (_, ranMs) => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const all = superviseAll(
      [task("ts001", { supervision: { ...DEFAULT_SUPERVISION, restart }, triggers })],
      "one_for_one",
    );
    await all.take({ action: "start", ids: [] }, "turn");
    const gaps: number[] = [];

    for (let run = 0; run < 20 && all.states()[0] === "starting"; run += 1) {
      await all.take({ deed: "spawned", index: 0 }, "turn");
      vi.advanceTimersByTime(ranMs);
      await all.take({ deed: "crashes", index: 0 }, "turn");
      const endedMs = performance.now();
      if (all.states()[0] === "backingOff") await pause("alarm");
      gaps.push(Math.round(performance.now() - endedMs));
    }

    expect(gaps).toEqual([500, 1_000, 2_000, 4_000, 8_000, 0]);
    expect(all.states()).toEqual(["failed"]);
    expect([...all.machine.broken, ...leftovers(all.machine)]).toEqual([]);
  });
});
