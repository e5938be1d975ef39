// Calls over a server that only moves messages: instances say what they serve, callers choose among them and find out when
// one is lost.
import { setTimeout as pause } from "node:timers/promises";
import type { Engine, ServedService } from "../contract/engine.ts";
import type { ServerEngine } from "../contract/server.ts";
import { createCallee } from "./callee.ts";
import { createCaller } from "./caller.ts";
import { type CallHead, readHead, writeHead } from "./heads.ts";
import type { Post } from "./post.ts";
import { subjects } from "./subjects.ts";
import { createSupervised } from "./supervised.ts";

export type RemoteCalls = Pick<Engine, "call" | "serve"> &
  Pick<ServerEngine, "tell"> & {
    /** How many calls of this member wait for an instance, and how many have one. */
    underWay(): { waiting: number; running: number };
    /** All that are served now. */
    services(): Promise<ServedService[]>;
    /** The server can be reached, for the first time or again, and what was received is in force. */
    up(): void;
    /** The connection is lost: calls that may have arrived are failed. */
    down(reason: string): void;
    close(): Promise<void>;
  };

/** How long services have to say that they are there, in milliseconds. */
const ROLL_MS = 250;

/**
 * @param address - Of this member: one word that no other has.
 * @param nowMs - The monotonic clock.
 */
export function createRemoteCalls(post: Post, address: string, nowMs = () => performance.now()): RemoteCalls {
  const caller = createCaller(post, address, nowMs);
  const callee = createCallee(post, address);
  const supervised = createSupervised(post);
  const rolls = new Set<(head: CallHead) => void>();
  const own = post.receive(subjects.member(address), undefined, ({ head: text, body }) => {
    const head = readHead(text);
    if (head === undefined || head.t === "signal" || head.t === "totals" || head.t === "figures") return;
    if (head.t === "abort") return callee.abort(head);
    if (head.t === "here") for (const add of rolls) add(head);
    caller.hear(head, body);
  });
  own.catch(() => {});

  return {
    call: caller.call,
    async serve(service, methods, handler) {
      await own;
      return callee.serve(service, methods, handler);
    },
    tell: supervised.tell,
    underWay: caller.underWay,
    async services() {
      await own;
      const served = new Map<string, { methods: Set<string>; instances: number }>();
      const add = (head: CallHead) => {
        if (head.t !== "here") return;
        const known = served.get(head.service) ?? { methods: new Set(), instances: 0 };
        for (const method of head.methods) known.methods.add(method);
        served.set(head.service, { ...known, instances: known.instances + 1 });
      };
      const nobody = new AbortController();
      rolls.add(add);
      post.send(subjects.roll, { head: writeHead({ t: "who", from: address }), body: Buffer.alloc(0) }, () =>
        nobody.abort(),
      );
      await pause(ROLL_MS, undefined, { signal: nobody.signal }).catch(() => {});
      rolls.delete(add);
      return [...served].map(([service, { methods, instances }]) => ({ service, methods: [...methods], instances }));
    },
    up() {
      own.then(caller.up, () => {});
    },
    down(reason) {
      caller.down(reason);
      callee.abortAll(new Error(reason));
    },
    async close() {
      callee.abortAll(new Error("the bus is closed"));
      await caller.close();
      await own.then((subscription) => subscription.close()).catch(() => {});
    },
  };
}
