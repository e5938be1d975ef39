// What a provider in the background knows of the command that has started it: a channel, on which it says once that it is
// ready. After that neither needs the other.
import { type Output, object, optional, read, text, whole } from "../../src/protocol/schema.ts";

/** Names the process that has started one in the background; taken out of the environment, which tasks inherit. */
const STARTER = "ZCONTEXT_DAEMON_OF";

const READY = object({ pid: whole, transaction: optional(text) });
export type Ready = Output<typeof READY>;

export interface Background {
  ready(transaction: string | undefined): void;
}

/** For the environment of the process that is to run in the background. */
export function asBackground(): NodeJS.ProcessEnv {
  return { [STARTER]: String(process.pid) };
}

/** Undefined where this process is the command that a person has typed. */
export function backgroundOf(): Background | undefined {
  const starter = process.env[STARTER];
  delete process.env[STARTER];
  if (starter === undefined || starter !== String(process.ppid) || process.send === undefined) return undefined;
  return {
    ready(transaction) {
      const ready: Ready = { pid: process.pid, transaction };
      // The starter may have gone meanwhile.
      process.send?.(ready, undefined, {}, () => process.connected && process.disconnect());
    },
  };
}

export function readReady(message: unknown): Ready | undefined {
  return read(READY, message).value;
}
