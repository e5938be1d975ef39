// Performs the effects that the state table names. Whatever an effect does wrong comes back as an event; none throws into
// the table.
import type { TaskServiceConfig } from "../../config/context-config.ts";
import type { Health } from "./health.ts";
import type { Effect, LifecycleEvent } from "./life.ts";
import type { Messenger } from "./messenger.ts";
import type { Runs } from "./runs.ts";
import type { TaskEvent, TaskHost } from "./task-contract.ts";
import { createTimers } from "./timers.ts";

export interface PerformerOptions {
  host: TaskHost;
  messenger: Messenger;
  health: Health;
  runs: Runs;
  task(): TaskServiceConfig;
  send(event: LifecycleEvent): void;
  tell(event: TaskEvent): void;
}

export interface Performer {
  /** One effect that fails does not keep the others from being performed. */
  perform(effect: Effect): void;
}

export function createPerformer({ host, messenger, health, runs, task, send, tell }: PerformerOptions): Performer {
  const timers = createTimers<"grace" | "backoff">();

  function attempt(effect: Effect): unknown {
    switch (effect.type) {
      case "spawn":
        runs.begin();
        return host.publish(messenger.command("start"));
      case "askToStop":
        // The pipe is quicker than the forwarder, but listeners are to hear the command before what the task says to it.
        return runs.present?.askToStop(host.publishThrough(messenger.command("stop")));
      case "kill":
        return runs.present?.kill();
      case "awaitReady":
        return runs.awaitReady();
      case "awaitEnd":
        return timers.arm("grace", task().supervision.graceMs, () => send({ type: "killDue" }));
      case "backOff":
        return timers.arm("backoff", effect.delayMs, () => send({ type: "backoffOver" }));
      case "disarm":
        return effect.timer === "ready" ? health.stopAwaitingReady() : timers.disarm(effect.timer);
      case "announce":
        return host.publish(messenger.announcement(effect));
      case "fire":
        return tell({ type: "fired", event: effect.event, run: effect.run });
    }
  }

  return {
    perform(effect) {
      try {
        attempt(effect);
      } catch (error) {
        tell({ type: "effectFailed", effect: effect.type, error });
        // Without a run nothing would ever follow.
        if (effect.type === "spawn") runs.fail(error);
      }
    },
  };
}
