// What `service-context --history` adds: files that keep what the tasks have cost, and each transition they have made.
import { randomUUID } from "node:crypto";
import { historyFolderOf } from "../../src/context/journal/state-files.ts";
import type { Provider } from "../../src/context/provider/provider.ts";
import type { ProviderObserver } from "../../src/context/transaction/observer.ts";
import { figuresOf } from "../../src/history/figures.ts";
import { readHistory } from "../../src/history/reader.ts";
import type { ProviderRecord } from "../../src/history/records.ts";
import { createWriter } from "../../src/history/writer.ts";
import type { KeptHistory } from "../../src/http/contract/source.ts";
import type { Log } from "../../src/log.ts";
import type { Json } from "../../src/protocol/json.ts";
import { pickTransition } from "../../src/protocol/transition.ts";
import { MIB_BYTES } from "../../src/units.ts";
import { VERSION } from "../version.ts";
import { type Publish, tapMonitor } from "./monitor-tap.ts";

export interface Recorder extends AsyncDisposable {
  readonly observer: ProviderObserver;
  /** Wraps the function that the monitor publishes with, so that the recorder hears it as well. */
  tap(publish: Publish): Publish;
  /** Begins to write: a provider that has started is the only one that may. */
  record(provider: Provider): void;
  /** What was kept before, and is kept now. */
  readonly keptHistory: KeptHistory;
}

export interface RecorderOptions {
  /** The folder to keep it in, or `true` for the folder of the journal. */
  history: string | true;
  history_size?: number;
  state_dir?: string;
}

const DEFAULT_MIB = 64;
/** How often it is recorded that the provider runs, and how all tasks stand, in milliseconds. */
const STATES_PERIOD_MS = 60_000;

/** Opens the recorder before there is a provider; nothing is written before `record`. */
export function openRecorder(
  { history, history_size: size = DEFAULT_MIB, state_dir }: RecorderOptions,
  { file, log, nowMs = Date.now }: { file: string; log: Log; nowMs?: () => number },
): Recorder {
  const folder = historyFolderOf(file, history === true || history === "" ? state_dir : history);
  const writer = createWriter({ folder, maxBytes: size * MIB_BYTES, log });
  let provider: Provider | undefined;
  let statesMs = Number.NEGATIVE_INFINITY;

  function sampled(transaction: string, entries: readonly Json[]): void {
    const figures = figuresOf(transaction, entries, nowMs());
    if (Object.keys(figures.tasks).length > 0) writer.write({ kind: "figures", ...figures });
    writeStates(figures.atMs);
  }

  // Math.abs: the clock may be set back.
  function writeStates(atMs: number): void {
    if (provider === undefined || Math.abs(atMs - statesMs) < STATES_PERIOD_MS) return;
    statesMs = atMs;
    for (const { transaction, tasks } of provider.watched()) {
      const states = tasks.map(({ service_id, lifecycle, runs }) => [service_id, [lifecycle, runs]] as const);
      writer.write({ kind: "states", transaction, atMs, tasks: Object.fromEntries(states) });
    }
  }

  // The same files are read for each page that looks back; each is logged once.
  const skipped = new Set<string>();
  function skip(file: string, reason: string): void {
    if (!skipped.has(file)) log.warn({ file, reason }, "history file skipped");
    skipped.add(file);
  }

  const incarnation = randomUUID();
  function writeEvent(event: ProviderRecord["event"]): void {
    writer.write({ kind: "provider", event, atMs: nowMs(), incarnation, pid: process.pid, version: VERSION });
  }

  // First of all: a provider that resumes makes transitions before it has started.
  writeEvent("begin");
  // Without an open transaction nothing else is recorded.
  const pulse = setInterval(() => writeEvent("runs"), STATES_PERIOD_MS);
  pulse.unref();
  return {
    observer(event) {
      if (event.type === "moved") writer.write({ kind: "transition", ...pickTransition(event.transition) });
    },
    tap: (publish) =>
      tapMonitor(publish, (event) => {
        if (event.type === "sampled") sampled(event.transaction, event.entries);
      }),
    keptHistory: {
      since: (sinceMs) => readHistory(folder, { sinceMs, onFault: skip }),
    },
    record(found) {
      provider = found;
      log.info({ folder, max_mib: size }, "history kept");
      writer.open();
    },
    async [Symbol.asyncDispose]() {
      clearInterval(pulse);
      writeEvent("end");
      await writer[Symbol.asyncDispose]();
    },
  };
}
