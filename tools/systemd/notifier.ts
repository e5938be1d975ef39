// Tells the service manager how a provider stands. Node has no Unix datagram sockets, so `systemd-notify` says it: 6 ms of
// processor time each. It is started by the provider's own event loop, so a loop that is blocked gives no sign of life.
import type { ProviderObserver } from "../../src/context/transaction/observer.ts";
import type { Log } from "../../src/log.ts";
import { runToEnd } from "../programs.ts";
import {
  enqueue,
  extensionNotice,
  MANAGER_VARIABLES,
  type Notice,
  readManager,
  reloadingNotice,
  statusNotice,
} from "./notices.ts";

export interface Notifier extends AsyncDisposable {
  /** Tells what becomes of the tasks, once the provider is ready. */
  readonly observer: ProviderObserver;
  /**
   * The provider takes commands, at its start or after a reload.
   *
   * @param standing - How its tasks stand, asked for again after each change.
   */
  ready(standing: () => string): void;
  /** It reads its file again; `ready` follows, whether that has succeeded or not. */
  reloading(): void;
  status(text: string): void;
  /** It leaves, which takes so long at most. */
  stopping(status: string, mostMs: number): void;
}

const PROGRAM = "systemd-notify";
/** How long the program may take, which waits until the manager has read the notice, in milliseconds. */
const NOTICE_MS = 10_000;
/** The shortest time between two words on how tasks stand, in milliseconds. */
const STANDING_MS = 2_000;

const nobody: Notifier = {
  observer() {},
  ready() {},
  reloading() {},
  status() {},
  stopping() {},
  async [Symbol.asyncDispose]() {},
};

/** Takes the variables of the service manager out of the environment, so that no task inherits them. */
export function openNotifier(log: Log, env: NodeJS.ProcessEnv = process.env): Notifier {
  const manager = readManager(env, process.pid);
  for (const name of MANAGER_VARIABLES) delete env[name];
  if (manager === undefined) return nobody;

  const { socket, watchdogMs } = manager;
  let waiting: Notice[] = [];
  let sending: Promise<void> | undefined;
  let lastFault: string | undefined;

  async function send(): Promise<void> {
    for (let notice = waiting.shift(); notice !== undefined; notice = waiting.shift()) {
      const { code, stderr } = await runToEnd(PROGRAM, notice, {
        timeoutMs: NOTICE_MS,
        env: { ...process.env, NOTIFY_SOCKET: socket },
      });
      const fault = code === 0 ? undefined : stderr.trim();
      if (fault !== undefined && fault !== lastFault)
        log.warn({ reason: fault, program: PROGRAM }, "the service manager can't be told");
      lastFault = fault;
    }
    sending = undefined;
  }

  function tell(notice: Notice): void {
    waiting = enqueue(waiting, notice);
    sending ??= send();
  }

  let standing: (() => string) | undefined;
  let told: string | undefined;
  let next: NodeJS.Timeout | undefined;

  function tellStanding(): void {
    next = undefined;
    const text = standing?.();
    if (text === undefined || text === told) return;
    told = text;
    tell(statusNotice(text));
  }

  const watchdog = watchdogMs === undefined ? undefined : setInterval(() => tell(["WATCHDOG=1"]), watchdogMs).unref();
  return {
    observer({ type }) {
      if (type === "moved" && standing !== undefined) next ??= setTimeout(tellStanding, STANDING_MS).unref();
    },
    ready(how) {
      standing = how;
      told = how();
      tell(["READY=1", ...statusNotice(told)]);
    },
    reloading: () => tell(reloadingNotice(process.hrtime.bigint() / 1_000n)),
    status: (text) => tell(statusNotice(text)),
    stopping(status, mostMs) {
      standing = undefined;
      tell(["STOPPING=1", ...extensionNotice(mostMs), ...statusNotice(status)]);
    },
    async [Symbol.asyncDispose]() {
      clearInterval(watchdog);
      clearTimeout(next);
      await sending;
    },
  };
}
