// Entry of the broker process: a router socket before the broker, and its store behind it.
import { createBroker } from "../../embedded/broker.ts";
import { createMemoryStore } from "../../embedded/memory-store.ts";
import { openLmdbStore } from "./lmdb-store.ts";
import { bindRouter } from "./router.ts";

const [endpoint = "", durability = "file", folder = "/tmp"] = process.argv.slice(2);
const store =
  durability === "memory" ? createMemoryStore() : openLmdbStore({ folder, durability: durability as "file" });
const router = await bindRouter(endpoint, {
  onBatch: (member, batch) => broker.receive(member, batch, Date.now()),
  onLost: (member) => broker.lose(member, Date.now()),
  onMalformed: (member, error) => void process.stderr.write(`${member}: ${String(error)}\n`),
});
const broker = createBroker(
  {
    store,
    token: "t",
    send: router.send,
    onUnrouted: (event) => void process.stderr.write(`unrouted ${event}\n`),
    onStoreFault: (error) => void process.stderr.write(`${String(error)}\n`),
  },
  Date.now(),
);
setInterval(() => broker.advance(Date.now()), 50);
process.stdout.write("ready\n");
await router.run();
