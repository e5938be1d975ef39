// Which instances of a service there are, as a caller knows it: by asking, by what instances say when they come and go, and by
// what supervisors say of a service that nobody serves yet.
import type { Subscription } from "../contract/engine.ts";
import { type CallHead, type Head, readHead, writeHead } from "./heads.ts";
import type { Post } from "./post.ts";
import { subjects } from "./subjects.ts";

/** One member that serves the service. */
export interface Instance {
  methods: ReadonlySet<string>;
  /** Calls of this caller that it has. */
  busy: number;
}

/** What is known of one service. */
export interface Lookup {
  readonly instances: ReadonlyMap<string, Instance>;
  /** Asks who serves it, unless an answer is due. */
  ask(): void;
  hear(head: CallHead): void;
  lose(address: string): void;
  /** Nothing is known any more: the connection was lost. */
  forget(): void;
  close(): Promise<void>;
}

export interface LookupOptions {
  service: string;
  post: Post;
  /** Of this member. */
  address: string;
  nowMs(): number;
  /** An instance is there. */
  onInstance(): void;
  /** Nobody serves it, and none is worth waiting for. */
  onNobody(reason: string): void;
}

/** How long an answer is waited for before it is asked again, in milliseconds. */
const ASK_AGAIN_MS = 1_000;
/** How long instances of a service that runs may take to say that they serve it, in milliseconds. */
const UNSAID_MS = 2_000;

export function createLookup(options: LookupOptions): Lookup {
  const { service, post, address, nowMs, onInstance, onNobody } = options;
  const instances = new Map<string, Instance>();
  let askedMs = Number.NEGATIVE_INFINITY;
  let unsaid: NodeJS.Timeout | undefined;
  let isClosed = false;
  const news = post.receive(subjects.news(service), undefined, ({ head }) => {
    const said = readHead(head);
    if (said !== undefined) hear(said);
  });

  function ask(): void {
    if (nowMs() - askedMs < ASK_AGAIN_MS) return;
    askedMs = nowMs();
    // News are heard first, so that no instance comes or goes unnoticed after it was asked.
    news.then(send, (error: Error) => onNobody(error.message));
  }

  function send(): void {
    if (isClosed) return;
    const body = Buffer.alloc(0);
    post.send(subjects.who(service), { head: writeHead({ t: "who", from: address }), body }, () => {
      askedMs = Number.NEGATIVE_INFINITY;
      if (instances.size === 0) onNobody(`no service ${service} is known`);
    });
  }

  function hear(head: Head): void {
    if (head.t === "here") {
      const busy = instances.get(head.address)?.busy ?? 0;
      instances.set(head.address, { methods: new Set(head.methods), busy });
      askedMs = Number.NEGATIVE_INFINITY;
      onInstance();
    } else if (head.t === "gone") instances.delete(head.address);
    else if (head.t === "state") hearState(head.state);
  }

  function hearState(state: "starting" | "running" | "gone"): void {
    askedMs = Number.NEGATIVE_INFINITY;
    clearTimeout(unsaid);
    if (instances.size > 0) return;
    if (state === "gone") ask();
    if (state === "running") unsaid = setTimeout(onUnsaid, UNSAID_MS).unref();
  }

  function onUnsaid(): void {
    if (instances.size === 0) onNobody("the service runs, and serves no methods");
  }

  return {
    instances,
    ask,
    hear,
    lose: (lost) => void instances.delete(lost),
    forget() {
      instances.clear();
      askedMs = Number.NEGATIVE_INFINITY;
    },
    async close() {
      isClosed = true;
      clearTimeout(unsaid);
      await news.then((subscription: Subscription) => subscription.close()).catch(() => {});
    },
  };
}
