// What surrounds one task service, as a model: a process table that starts and ends processes when it likes, and
// timers that fire when they like, as long as they are armed. The table under test runs in it; each step checks it.
import assert from "node:assert/strict";
import { type Effect, follow, isAlive, newborn, type Standing } from "../../../src/context/lifecycle.ts";
import { EVENTS, type Word } from "./life.ts";

type Alarm = "readyDue" | "terminateDue" | "killDue" | "backoffOver";
type Fired = "fireOnStart" | "fireOnUpdate" | "fireOnFail" | "fireOnExit";

/** What has happened in the present run. */
interface RunSoFar {
  /** A stop or a restart has asked the task to leave. */
  isAsked: boolean;
  /** SIGKILL is on its way. */
  isKilled: boolean;
  /** Asked to leave by the table, for whatever reason. */
  isTold: boolean;
  fired: Fired[];
  said: Set<Word>;
}

export interface World {
  readonly standing: Standing;
  readonly process: "none" | "preparing" | "living";
  /** A start or restart that nobody has stopped, and that has not led to a run yet. */
  readonly isWanted: boolean;
  readonly armed: ReadonlySet<Alarm>;
  /** Whether the world would let this happen now. */
  isPossible(word: Word): boolean;
  /** Lets it happen. Throws when the table breaks one of its promises. */
  step(word: Word): void;
  /** Lets processes that are to leave do so as late as they can, and timers fire, until nothing is under way. */
  comeToRest(): void;
}

export function createWorld(): World {
  const armed = new Set<Alarm>();
  let standing = newborn();
  let process: World["process"] = "none";
  let runs = 0;
  let isWanted = false;
  let run: RunSoFar = { isAsked: false, isKilled: false, isTold: false, fired: [], said: new Set() };

  const perform: Record<Effect, () => void> = {
    spawn() {
      assert.equal(process, "none", "a second process of one task");
      assert(isWanted, "a spawn that nobody asked for, or that a stop had cancelled");
      isWanted = false;
      process = "preparing";
      runs += 1;
      run = { isAsked: false, isKilled: false, isTold: false, fired: [], said: new Set() };
    },
    askToStop() {
      assert(process !== "none", "nobody there to ask");
      run.isTold = true;
    },
    terminate: () => assert(process !== "none", "nobody there to terminate"),
    kill() {
      assert(process !== "none", "nobody there to kill");
      run.isKilled = true;
    },
    armReady() {
      assert.equal(process, "living", "nobody there to wait for");
      arm("readyDue");
    },
    disarmReady: () => armed.delete("readyDue"),
    armGrace() {
      arm("terminateDue");
      arm("killDue");
    },
    disarmGrace() {
      armed.delete("terminateDue");
      armed.delete("killDue");
    },
    armBackoff() {
      assert(standing.life.delayMs > 0, "a wait of no time");
      arm("backoffOver");
    },
    disarmBackoff: () => armed.delete("backoffOver"),
    sayCreated: () => assert.equal(standing.state, "defined"),
    sayStarted() {
      assert.equal(process, "living", "said to have started while there is no process");
      assert(!run.fired.includes("fireOnStart"), "the start is announced twice");
    },
    sayStopped() {
      assert.equal(process, "none", "said to have ended while it lives");
      assert(!run.said.has("stopped"), "the end is announced twice");
    },
    sayFailed() {
      assert.equal(process, "none", "said to have failed while it lives");
      assert(!run.said.has("failed"), "the failure is announced twice");
    },
    fireOnStart: () => fire("fireOnStart"),
    fireOnUpdate: () => fire("fireOnUpdate"),
    fireOnFail: () => fire("fireOnFail"),
    fireOnExit: () => fire("fireOnExit"),
  };

  // An alarm that is armed twice rings twice.
  function arm(alarm: Alarm): void {
    assert(!armed.has(alarm), `${alarm} is armed already`);
    armed.add(alarm);
  }

  function fire(event: Fired): void {
    assert(!run.isAsked, `${event} in a run that was asked to stop`);
    assert(event === "fireOnUpdate" || !run.fired.includes(event), `${event} twice in one run`);
    assert(event !== "fireOnExit" || !run.fired.includes("fireOnFail"), "a natural end after a failure");
    run.fired.push(event);
  }

  function isPossible(word: Word): boolean {
    switch (word) {
      case "spawned":
        return process === "preparing";
      case "spawnFailed":
        return process === "preparing";
      case "end":
        return process === "living" || (process === "preparing" && (run.isTold || run.isKilled));
      case "crash":
        return process === "living";
      case "readyDue":
      case "terminateDue":
      case "killDue":
      case "backoffOver":
        return armed.has(word);
      default:
        return true; // commands and announcements, late ones and those of impostors included
    }
  }

  // Before the table hears of it.
  function happen(word: Word): void {
    switch (word) {
      case "stop":
        isWanted = false;
        run.isAsked ||= isAlive(standing.state);
        break;
      case "restart":
      case "restartLater":
        isWanted = true;
        run.isAsked ||= standing.state === "starting" || standing.state === "running";
        break;
      case "start":
      case "startLater":
        isWanted ||= standing.state !== "starting" && standing.state !== "running";
        break;
      case "spawned":
        process = "living";
        break;
      case "spawnFailed":
      case "end":
      case "crash":
        process = "none";
        break;
      case "readyDue":
      case "terminateDue":
      case "killDue":
      case "backoffOver":
        armed.delete(word);
        break;
      default:
        if (process !== "none") run.said.add(word);
    }
  }

  function step(word: Word): void {
    const before = standing;
    const wasArmed = new Set(armed);
    happen(word);
    const [next, effects] = follow(standing, EVENTS[word]);
    standing = next;
    for (const effect of effects) perform[effect]();
    check(before, wasArmed, word);
  }

  function check(before: Standing, wasArmed: ReadonlySet<Alarm>, word: Word): void {
    const { state, life, snapshot } = standing;
    assert.equal(snapshot.status, "active", "the table is out of order");
    assert.equal(process !== "none", isAlive(state), `${state} with process ${process}`);
    assert.equal(life.run, runs, "runs are not counted one by one");
    assert(!isWanted || state === "backingOff" || state === "stopping", `a start is forgotten in ${state}`);
    assert(!run.isAsked || (state !== "exited" && state !== "failed"), `${state} after a stop`);
    assert.equal(armed.has("readyDue"), state === "starting" && process === "living", `ready alarm in ${state}`);
    assert.equal(armed.has("backoffOver"), state === "backingOff", `backoff alarm in ${state}`);
    for (const alarm of ["terminateDue", "killDue"] as const) {
      const isDue = state === "stopping" && alarm !== word && (before.state !== "stopping" || wasArmed.has(alarm));
      assert.equal(armed.has(alarm), isDue, `${alarm} in ${state}`);
    }
  }

  // A process that is asked stays until it is killed; one that nobody kills stays for ever.
  function nextOf(): Word | undefined {
    if (standing.state === "backingOff") return "backoffOver";
    if (standing.state !== "stopping") return undefined;
    if (process === "preparing") return "spawned";
    if (run.isKilled) return "crash";
    return (["terminateDue", "killDue"] as const).find((alarm) => armed.has(alarm)) ?? assert.fail("nobody ends it");
  }

  return {
    get standing() {
      return standing;
    },
    get process() {
      return process;
    },
    get isWanted() {
      return isWanted;
    },
    armed,
    isPossible,
    step,
    comeToRest() {
      for (let word = nextOf(), steps = 0; word !== undefined; word = nextOf(), steps += 1) {
        assert(steps < 10, `still ${standing.state}`);
        step(word);
      }
    },
  };
}
