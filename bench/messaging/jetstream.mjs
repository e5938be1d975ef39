// The bare clients of NATS. Events have the promises of ours: kept until they are settled, and known again when sent twice.
import { randomUUID } from "node:crypto";
import {
  AckPolicy,
  DiscardPolicy,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { call, counter, produce, role, say, told } from "./roles.mjs";

const nats = await connect({ servers: process.env.NATS });
const encode = (value) => JSON.stringify(value);

if (role === "produce") {
  const js = jetstream(nats);
  await produce((content) => js.publish("orders.created", encode(content), { msgID: randomUUID() }));
  await nats.close();
} else if (role === "consume") {
  await addConsumer();
  const consumer = await jetstream(nats).consumers.get("orders", "bench");
  const messages = await consumer.consume({ max_messages: 500 });
  say("ready");
  const handled = counter();
  for await (const message of messages) {
    message.json();
    message.ack();
    if (handled()) break;
  }
  await told();
  await nats.drain();
} else if (role === "hold") {
  await addConsumer();
  say("ready");
} else if (role === "serve") {
  nats.subscribe("echo.say", { callback: (_, message) => message.respond(encode(message.json())) });
  await nats.flush();
  say("ready");
} else {
  await call(async (params) => (await nats.request("echo.say", encode(params), { timeout: 10_000 })).json());
  await nats.close();
}

/** With a stream for it. */
async function addConsumer() {
  const manager = await jetstreamManager(nats);
  const storage = process.env.STORAGE === "file" ? StorageType.File : StorageType.Memory;
  await manager.streams.add({
    ...{ name: "orders", subjects: ["orders.*"], storage, retention: RetentionPolicy.Interest },
    ...{ discard: DiscardPolicy.New, max_bytes: 256 * 2 ** 20 },
  });
  await manager.consumers.add("orders", {
    ...{ durable_name: "bench", ack_policy: AckPolicy.Explicit, max_ack_pending: -1 },
  });
}
