// The log of the chosen task for the live table: the last lines that are kept, and what it prints from then on.
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf } from "../../src/errors.ts";
import { channelOf } from "../../src/logs/files.ts";
import { snapshotOf } from "../../src/logs/folder.ts";
import { follow } from "../../src/logs/follower.ts";
import { readBackward } from "../../src/logs/reader.ts";
import { isGap, type LogRecord } from "../../src/logs/records.ts";

/** Whose log. */
export interface LogOwner {
  transaction: string;
  task: string;
}

/** What is known of it. */
export interface TaskLines {
  /** The oldest first. */
  records: readonly LogRecord[];
  /** All that is kept has been looked through. */
  isRead: boolean;
  /** Why there are none. */
  fault?: string;
}

export interface TaskLog {
  readonly now: TaskLines;
  /** Another one begins anew; undefined for none. */
  choose(owner: LogOwner | undefined): void;
  close(): void;
}

const NOTHING: TaskLines = { records: [], isRead: false };
/** How many lines are kept in memory. */
const MOST = 2_000;
/** Who walks through the table reads no log on the way, in milliseconds. */
const SETTLE_MS = 100;

/** @param folderOf - Finds the folder of the logs. */
export function createTaskLog(folderOf: () => Promise<string>, onChange: () => void): TaskLog {
  let now = NOTHING;
  let known = "";
  let left = new AbortController();

  function show(next: TaskLines): void {
    now = next;
    onChange();
  }

  async function read(owner: LogOwner, signal: AbortSignal): Promise<void> {
    try {
      await pause(SETTLE_MS, undefined, { signal });
      const folder = await folderOf();
      const channel = channelOf(owner.task);
      const snapshot = await snapshotOf(folder);
      const found: LogRecord[] = [];
      for await (const record of readBackward(
        folder,
        snapshot.filter((own) => own.channel === channel),
      )) {
        if (signal.aborted) return;
        if (isOf(record, owner)) found.push(record);
        if (found.length === MOST) break;
      }
      if (signal.aborted) return;
      show({ records: found.reverse(), isRead: true });
      const options = { signal, channel, onFault: (error: unknown) => show({ ...now, fault: reasonOf(error) }) };
      for await (const records of follow(folder, snapshot, options)) {
        const more = records.filter((record) => isOf(record, owner));
        if (!signal.aborted && more.length > 0) show({ records: [...now.records, ...more].slice(-MOST), isRead: true });
      }
    } catch (error) {
      if (!signal.aborted) show({ ...NOTHING, isRead: true, fault: reasonOf(error) });
    }
  }

  return {
    get now() {
      return now;
    },
    choose(owner) {
      const next = owner === undefined ? "" : JSON.stringify([owner.transaction, owner.task]);
      if (next === known) return;
      known = next;
      left.abort();
      left = new AbortController();
      now = NOTHING;
      if (owner !== undefined) void read(owner, left.signal);
    },
    close: () => left.abort(),
  };
}

function isOf(record: LogRecord, { transaction, task }: LogOwner): boolean {
  return record.task === task && (isGap(record) || record.transaction === transaction);
}
