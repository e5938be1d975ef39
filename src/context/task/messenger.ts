// What a task is told, what it says, and what the provider says for it: writes the messages, and keeps the record that
// `context_info` shows of all of them.
import type { TaskServiceConfig } from "../../config/context-config.ts";
import type { ControlMessage, ProcessMessage } from "../../protocol/message.ts";
import type { TaskRecord } from "../../protocol/task-record.ts";
import type { Effect, LifecycleEvent } from "./life.ts";
import type { Standing } from "./lifecycle.ts";
import { announced, commanded, newRecord, standingAt } from "./record.ts";
import { commandTo, eventOf, onBehalfOf } from "./task-messages.ts";

export type CommandWord = "start" | "stop" | "restart";

export interface Messenger {
  /** A command to the task, which is on the record from now on. */
  command(word: CommandWord): ProcessMessage;
  /** What the provider announces for the task. */
  announcement(effect: Extract<Effect, { type: "announce" }>): ControlMessage;
  /** Takes an announcement of the task; answers what it means for its lifecycle, undefined for a word of its own. */
  hear(message: ControlMessage): LifecycleEvent | undefined;
  recordAt(standing: Standing): TaskRecord;
}

export function createMessenger({
  transaction,
  task,
}: {
  transaction: string;
  /** The definition that holds now. */
  task(): TaskServiceConfig;
}): Messenger {
  let record = newRecord(task());
  return {
    command(word) {
      const message = commandTo(task(), { action: word, transaction });
      record = commanded(record, word, message.body);
      return message;
    },
    announcement({ type: _, word, ...items }) {
      const message = onBehalfOf(task(), { transaction, action: word, ...items });
      record = announced(record, word, message.status);
      return message;
    },
    hear({ header, status }) {
      record = announced(record, header.action, status);
      const event = eventOf(header.action, status);
      return event?.type === "started" && task().supervision.probe !== undefined ? { ...event, isProbed: true } : event;
    },
    recordAt: (standing) => standingAt(record, standing),
  };
}
