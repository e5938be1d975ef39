// A server that moves messages by subject, within this process: for tests of what engines on servers share.
import type { Subscription } from "../../src/messaging/contract/engine.ts";
import type { Parcel, Post } from "../../src/messaging/remote/post.ts";

interface Receiver {
  pattern: RegExp;
  queue: string | undefined;
  handler(parcel: Parcel, subject: string): void;
  member: number;
}

export interface InProcessServer {
  /** The way of one member; `cut` ends it as the death of its process would. */
  connect(): { post: Post; cut(): void };
  /** Loses what is sent on subjects like this one from now on. */
  lose(subject: RegExp | undefined): void;
}

export function createInProcessServer(): InProcessServer {
  const receivers = new Set<Receiver>();
  let lost: RegExp | undefined;
  let members = 0;
  let turn = 0;

  function deliver(subject: string, parcel: Parcel, onNobody?: () => void): void {
    const addressed = [...receivers].filter(({ pattern }) => pattern.test(subject));
    if (addressed.length === 0) return onNobody?.();
    if (lost?.test(subject)) return;
    const queues = new Map<string, Receiver[]>();
    for (const one of addressed) {
      if (one.queue === undefined) one.handler(parcel, subject);
      else queues.set(one.queue, [...(queues.get(one.queue) ?? []), one]);
    }
    turn += 1;
    for (const all of queues.values()) all[turn % all.length]?.handler(parcel, subject);
  }

  return {
    connect() {
      members += 1;
      const member = members;
      let isCut = false;
      const post: Post = {
        send(subject, parcel, onNobody) {
          setImmediate(() => !isCut && deliver(subject, parcel, onNobody));
        },
        async receive(pattern, queue, handler) {
          await new Promise(setImmediate);
          const expression = new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", "[^.]+")}$`);
          const one: Receiver = { pattern: expression, queue, handler, member };
          if (!isCut) receivers.add(one);
          const close = async () => void receivers.delete(one);
          return { close, [Symbol.asyncDispose]: close } satisfies Subscription;
        },
      };
      const cut = () => {
        isCut = true;
        for (const one of receivers) if (one.member === member) receivers.delete(one);
      };
      return { post, cut };
    },
    lose(subject) {
      lost = subject;
    },
  };
}
