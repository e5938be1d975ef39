// The embedded engine of messages for a test: a forwarder, a broker, and members of it in this process.

import { type BrokerOptions, holdBroker } from "../../src/companions/broker.ts";
import { type Forwarder, startForwarder } from "../../src/companions/forwarder.ts";
import { createClosingStack } from "../../src/context/provider/closing-stack.ts";
import type { Engine } from "../../src/messaging/contract/engine.ts";
import { connectZeromq } from "../../src/messaging/engines/zeromq/zeromq-engine.ts";
import { makeFolder } from "./folder.ts";
import { ANY_PORT } from "./link.ts";

export interface ZeromqMembers extends AsyncDisposable {
  readonly forwarder: Forwarder;
  readonly url: string;
  /** Resolves at once; what is asked of the engine waits for the broker. */
  connect(src: string): Promise<Engine>;
}

export async function startZeromq({
  durability = "memory",
}: Partial<Pick<BrokerOptions, "durability">> = {}): Promise<ZeromqMembers> {
  const stack = createClosingStack();
  const folder = stack.add(await makeFolder());
  const forwarder = stack.add(await startForwarder(ANY_PORT));
  const broker = stack.add(
    await holdBroker({
      ...{ runFolder: folder.at("run"), storeFolder: folder.at("store"), durability },
      ...{ endpoints: forwarder.bound, cookie: { context: "context001", provider: "test" } },
    }),
  );
  return {
    forwarder,
    url: broker.url,
    async connect(src) {
      const { url, token } = broker;
      return stack.add(connectZeromq({ url, token, src }));
    },
    [Symbol.asyncDispose]: stack.close,
  };
}
