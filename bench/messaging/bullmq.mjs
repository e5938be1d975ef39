// Jobs of BullMQ over Redis, as events from one producer to one consumer.
import { createRequire } from "node:module";
import { join } from "node:path";
import { counter, produce, role, say, told } from "./roles.mjs";

const require = createRequire(join(process.env.PEERS, "package.json"));
const { Queue, Worker } = require("bullmq");

const [host, port] = process.env.REDIS.split(":");
const connection = { host, port: Number(port), maxRetriesPerRequest: null };

if (role === "produce") {
  const queue = new Queue("orders", { connection });
  await queue.waitUntilReady();
  await produce((content) => queue.add("created", content, { removeOnComplete: true }));
  await queue.close();
} else {
  const handled = counter();
  let worker;
  const onHandled = () => {
    if (handled()) told().then(() => worker.close());
  };
  worker = new Worker("orders", async () => {}, { connection, concurrency: 500 });
  worker.on("completed", onHandled);
  await worker.waitUntilReady();
  say("ready");
}
