// The end of a provider's pipe in the broker and in the agent, and what their entries have in common: they end with their
// provider, and look whether the processes of their members live.
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { reasonOf } from "../../../errors.ts";
import { createProcessTable, hasEnded } from "../../../processes/table.ts";
import { type BrokerOrder, type BrokerReport, readBrokerLine, writeBrokerLine } from "../../../protocol/broker-pipe.ts";
import { surviveStraySignals } from "../../../stray-signals.ts";

export interface ProviderPipe {
  /** Whether the provider has read all: one that is halted reads nothing, and one unread line is enough for it. */
  readonly isRead: boolean;
  report(line: BrokerReport): void;
  /** What its log should have. It follows `ready`, which is the first line. */
  note(level: "info" | "warn" | "error", phrase: string, fields: Record<string, unknown>): void;
  ready(): void;
  /** The process can't do its work, and ends. */
  fail(error: unknown): void;
  /**
   * From now on it is heard.
   *
   * @param leave - Called when the process is to end, or its provider has.
   * @param onTold - Called when the state of each service has been told for the first time.
   */
  listen(heard: {
    leave(): Promise<void>;
    onState(order: Extract<BrokerOrder, { service: string }>): void;
    onTold?(): void;
  }): void;
}

const PIPE_FD = 3;
/** How often it is looked whether processes live, in milliseconds; besides whenever a connection ends. */
const LOOK_MS = 500;

export function openProviderPipe(): ProviderPipe {
  // A service manager signals the provider and this process at once, and this one has to last until the tasks have stopped.
  for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT"] as const) process.on(signal, () => {});
  surviveStraySignals();
  const provider = new Socket({ fd: PIPE_FD });
  const early: BrokerReport[] = [];
  let isReady = false;

  function report(line: BrokerReport): void {
    provider.write(writeBrokerLine(line));
  }

  return {
    get isRead() {
      return provider.writableLength === 0;
    },
    report,
    note(level, phrase, fields) {
      const line = { note: { level, phrase, fields } };
      if (isReady) report(line);
      else early.push(line);
    },
    ready() {
      report({ ready: true });
      early.splice(0).forEach(report);
      isReady = true;
    },
    fail(error) {
      report({ failed: { code: codeOf(error), message: reasonOf(error) } });
      process.exitCode = 1;
      provider.end();
    },
    listen({ leave, onState, onTold = () => {} }) {
      provider.on("error", () => {}).on("close", leave);
      createInterface(provider)
        .on("error", () => {})
        .on("line", (line) => {
          const order = readBrokerLine<BrokerOrder>(line);
          if (order === undefined) return;
          if ("leave" in order) void leave();
          else if ("told" in order) onTold();
          else onState(order);
        });
    },
  };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

interface Member {
  id: string;
  process?: { pid: number; startTicks: number } | undefined;
}

export interface ProcessWatch {
  look(): void;
  end(): void;
}

/** Gives up the members whose processes have ended: looks several times a second, and whenever it is told to. */
export function watchProcesses(members: () => Iterable<Member>, lose: (member: string) => void): ProcessWatch {
  const table = createProcessTable();
  const look = () => {
    for (const { id, process: identity } of members())
      if (identity !== undefined && hasEnded(table, identity)) lose(id);
  };
  const looking = setInterval(look, LOOK_MS);
  return { look, end: () => clearInterval(looking) };
}
