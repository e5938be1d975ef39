// What `service-context --history` adds: files of what the tasks have cost, and of each step they have made.
import { randomUUID } from "node:crypto";
import { historyFolderOf } from "../../src/context/journal/state-files.ts";
import type { Provider } from "../../src/context/provider/provider.ts";
import { ignoring, type ProviderObserver } from "../../src/context/transaction/observer.ts";
import { figuresOf } from "../../src/history/figures.ts";
import { readHistory } from "../../src/history/reader.ts";
import type { ProviderRecord } from "../../src/history/records.ts";
import { createWriter } from "../../src/history/writer.ts";
import type { KeptHistory } from "../../src/http/source.ts";
import type { Log } from "../../src/log.ts";
import type { Frame } from "../../src/protocol/codec.ts";
import type { Json } from "../../src/protocol/json.ts";
import { pickTransition } from "../../src/protocol/transition.ts";
import { MIB_BYTES } from "../../src/units.ts";
import { VERSION } from "../version.ts";
import { hearMonitor } from "./hear-monitor.ts";

export interface Recorder extends AsyncDisposable {
  readonly observer: ProviderObserver;
  /** What the monitor publishes through, for the recorder to hear it as well. */
  hearing(publish: (frame: Frame) => boolean): (frame: Frame) => boolean;
  /** The provider is there, and the files are ours from now on. */
  record(provider: Provider): void;
  /** What was kept before, and is kept now. */
  readonly keptHistory: KeptHistory;
}

export interface RecorderOptions {
  /** The folder that is to hold it, or `true` for that of the journal. */
  history: string | true;
  history_size?: number;
  state_dir?: string;
}

const DEFAULT_MIB = 64;
/** How often it is said that the provider runs, and how all tasks stand, in milliseconds. */
const STATES_PERIOD_MS = 60_000;

/** Opens the recorder, before there is a provider; nothing is written before it is there. */
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
    tellStates(figures.atMs);
  }

  // A clock may be set back.
  function tellStates(atMs: number): void {
    if (provider === undefined || Math.abs(atMs - statesMs) < STATES_PERIOD_MS) return;
    statesMs = atMs;
    for (const { transaction, tasks } of provider.watched()) {
      const states = tasks.map(({ service_id, lifecycle, runs }) => [service_id, [lifecycle, runs]] as const);
      writer.write({ kind: "states", transaction, atMs, tasks: Object.fromEntries(states) });
    }
  }

  // The same files are read again and again, for each page that looks back.
  const passedOver = new Set<string>();
  function passOver(file: string, reason: string): void {
    if (!passedOver.has(file)) log.warn({ file, reason }, "history passed over");
    passedOver.add(file);
  }

  const incarnation = randomUUID();
  function tellOf(event: ProviderRecord["event"]): void {
    writer.write({ kind: "provider", event, atMs: nowMs(), incarnation, pid: process.pid, version: VERSION });
  }

  // What it resumes comes before it is there.
  tellOf("begin");
  // Where no transaction is open there is nothing else to say.
  const pulse = setInterval(() => tellOf("runs"), STATES_PERIOD_MS);
  pulse.unref();
  return {
    observer: { ...ignoring, moved: (moved) => writer.write({ kind: "transition", ...pickTransition(moved) }) },
    hearing: (publish) => hearMonitor(publish, { sampled }),
    keptHistory: {
      since: (sinceMs) => readHistory(folder, { sinceMs, onFault: passOver }),
    },
    record(found) {
      provider = found;
      log.info({ folder, max_mib: size }, "history kept");
      writer.open();
    },
    async [Symbol.asyncDispose]() {
      clearInterval(pulse);
      tellOf("end");
      await writer[Symbol.asyncDispose]();
    },
  };
}
