// A hub within the process, for tests: what a node sends is in lists, and what a hub tells is told by functions.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Json, JsonObject } from "../../../protocol/json.ts";
import type { Answer, LogLine } from "../../contract/shapes.ts";
import { mergePatch, VERSION } from "../../contract/twin.ts";
import { type HubEvents, type HubProvider, type Reading, ReadingRefused } from "./hub-provider.ts";

export interface MemoryHub extends HubProvider {
  readonly readings: readonly Reading[];
  readonly lines: readonly LogLine[];
  readonly reported: JsonObject;
  readonly isConnected: boolean;
  /** How often a node has connected. */
  readonly connections: number;
  /** Calls after each thing that a node has sent or done. @returns What ends that. */
  watch(listener: () => void): () => void;
  /** Changes the desired state by a patch, as a cloud with versions does. @param isLost - The node is not told of it. */
  desire(patch: JsonObject, options?: { isLost?: boolean }): void;
  method(name: string, payload?: Json): Promise<Answer>;
  command(name: string, payload?: Json): Promise<Answer>;
  /** Whether a node can connect; false ends the connection. */
  setReachable(isReachable: boolean): void;
  /** Whether readings and heartbeats are confirmed. */
  setAnswering(isAnswering: boolean): void;
}

/** @param options.renewAfterMs - After which a connection has to be renewed, in milliseconds. Default: never. */
export function createMemoryHub({ renewAfterMs }: { renewAfterMs?: number } = {}): MemoryHub {
  const readings: Reading[] = [];
  const lines: LogLine[] = [];
  const listeners = new Set<() => void>();
  const confirmations: (() => void)[] = [];
  let desired: JsonObject = { [VERSION]: 1 };
  let reported: JsonObject = {};
  let events: HubEvents | undefined;
  let isReachable = true;
  let isAnswering = true;
  let connections = 0;
  const tell = () => {
    for (const listener of [...listeners]) listener();
  };
  const told = (): HubEvents => {
    if (events === undefined) throw new Error("no node is connected");
    return events;
  };
  const confirmed = () =>
    isAnswering ? Promise.resolve() : new Promise<void>((resolve) => confirmations.push(resolve));

  function lose(reason: string): void {
    const lost = events;
    events = undefined;
    lost?.lost(reason);
  }

  return {
    ...{ name: "memory", address: "memory", maxBytes: 256 * 1024, readings, lines },
    get reported() {
      return reported;
    },
    get isConnected() {
      return events !== undefined;
    },
    get connections() {
      return connections;
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    desire(patch, { isLost = false } = {}) {
      const version = Number(desired[VERSION]) + 1;
      desired = { ...mergePatch(desired, patch), [VERSION]: version };
      if (!isLost) events?.desired({ kind: "patch", desired: patch, version });
    },
    method: (name, payload = null) => told().method(name, payload),
    command: (name, payload = null) => told().command(name, payload),
    setReachable(value) {
      isReachable = value;
      if (!value) lose("the hub was switched off");
    },
    setAnswering(value) {
      isAnswering = value;
      if (value) for (const confirm of confirmations.splice(0)) confirm();
    },
    async connect(own) {
      await nextTurn();
      if (!isReachable) throw new Error("the hub is switched off");
      events = own;
      connections += 1;
      tell();
      return {
        ...(renewAfterMs !== undefined && { renewAfterMs }),
        readTwin: async () => ({ desired, reported }),
        async send(reading) {
          if (reading.body.length > 256 * 1024) throw new ReadingRefused("longer than 256 KiB");
          await confirmed();
          if (events !== own) throw new Error("the connection is lost");
          readings.push(reading);
          tell();
        },
        async report(state) {
          reported = state;
          tell();
        },
        async log(line) {
          lines.push(line);
          tell();
        },
        beat: confirmed,
        async close() {
          if (events === own) events = undefined;
          tell();
        },
      };
    },
  };
}
