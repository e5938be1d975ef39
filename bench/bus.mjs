// One publisher to one subscriber through the forwarder, 64-byte JSON: the bus as tasks use it, beside bare zeromq.js
// sockets that await each send. Usage: node bench/bus.mjs [messages]; needs `npm run build`.

import { connectBus } from "zcontext";
import { Publisher, Subscriber } from "zeromq";
import { startForwarder } from "../dist/src/bus/forwarder.js";

const count = Number(process.argv[2] ?? 200_000);
const anyPort = { publish: "tcp://127.0.0.1:*", subscribe: "tcp://127.0.0.1:*" };
const forwarder = await startForwarder(anyPort);
const content = { reading: 42, unit: "celsius", at: "2026-01-01T00:00:00Z" };

const bare = await measureBare();
const ours = await measureBus();
console.log(`${count} messages`);
console.log(`zeromq.js, each send awaited   ${rate(bare)} messages/s   1.00`);
console.log(`zcontext bus                   ${rate(ours)} messages/s   ${(bare / ours).toFixed(2)}`);
await forwarder.close();

async function measureBare() {
  const publisher = new Publisher({ linger: 0, sendHighWaterMark: 0 });
  const subscriber = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  publisher.connect(forwarder.bound.publish);
  subscriber.connect(forwarder.bound.subscribe);
  subscriber.subscribe("bench");
  const bytes = Buffer.from(`bench @@@ ${JSON.stringify(content)}`);
  // Sends until the first arrives, then measures.
  const first = subscriber.receive();
  let hasCome = false;
  first.then(() => (hasCome = true));
  while (!hasCome) {
    await publisher.send(bytes);
    await new Promise(setImmediate);
  }
  const began = performance.now();
  const received = (async () => {
    for (let left = count; left > 0; left -= 1) JSON.parse((await subscriber.receive())[0].toString().slice(10));
  })();
  for (let sent = 0; sent < count; sent += 1) await publisher.send(bytes);
  await received;
  const took = performance.now() - began;
  publisher.close();
  subscriber.close();
  return took;
}

async function measureBus() {
  let left = count;
  let done;
  const finished = new Promise((resolve) => (done = resolve));
  const onFrame = () => {
    left -= 1;
    if (left === 0) done();
  };
  const listener = await connectBus(forwarder.bound, { topics: ["bench"], onFrame });
  const speaker = await connectBus(forwarder.bound, { topics: [], onFrame() {} });
  const began = performance.now();
  // In bursts below the high water mark, so that none is dropped.
  for (let sent = 0; sent < count; sent += 1) {
    speaker.publish({ topic: "bench", body: { header: {}, content } });
    if (sent % 5_000 === 0) while (count - left < sent - 5_000) await new Promise(setImmediate);
  }
  await finished;
  const took = performance.now() - began;
  await speaker.close();
  await listener.close();
  return took;
}

function rate(took) {
  return ((count / took) * 1000).toFixed(0).padStart(8);
}
