// What supervisors of this machine know of services, for callers that ask: one that starts is worth waiting for.
import type { ServiceState } from "../../protocol/bus-figures.ts";
import type { Subscription } from "../contract/engine.ts";
import { readHead, writeHead } from "./heads.ts";
import type { Post } from "./post.ts";
import { subjects } from "./subjects.ts";

export interface Supervised {
  /** Replaces what was said before; a service that is not named any more is gone. */
  tell(states: ReadonlyMap<string, ServiceState>): void;
}

export function createSupervised(post: Post): Supervised {
  const told = new Map<string, { state: ServiceState; asked: Promise<Subscription> }>();

  function say(to: string, service: string, state: ServiceState): void {
    post.send(to, { head: writeHead({ t: "state", service, state }), body: Buffer.alloc(0) });
  }

  function answerFor(service: string): Promise<Subscription> {
    return post.receive(subjects.who(service), undefined, ({ head: text }) => {
      const head = readHead(text);
      const state = told.get(service)?.state;
      if (head?.t === "who" && state !== undefined) say(subjects.member(head.from), service, state);
    });
  }

  async function leave(service: string, asked: Promise<Subscription>): Promise<void> {
    await (await asked).close();
    // After nobody answers for it any more, so that whoever asks again hears that.
    say(subjects.news(service), service, "gone");
  }

  return {
    tell(states) {
      for (const [service, { asked }] of told) {
        if ((states.get(service) ?? "gone") !== "gone") continue;
        told.delete(service);
        leave(service, asked).catch(() => {});
      }
      for (const [service, state] of states) {
        const known = told.get(service);
        if (state === "gone" || known?.state === state) continue;
        const asked = known?.asked ?? answerFor(service);
        told.set(service, { state, asked });
        asked.then(() => say(subjects.news(service), service, state)).catch(() => {});
      }
    },
  };
}
