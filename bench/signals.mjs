// Measures signals from one process to another, 64 B of JSON each: `bus.publish` to `bus.subscribe`, and plain zeromq.js with
// awaited sends, JSON.stringify and JSON.parse. No signal is lost: a publisher is at most 4,000 ahead of its subscriber.
// Usage: node bench/signals.mjs [signals] [rounds]; needs `npm run build`, and Linux. Each end is a process of its own; the forwarder
// is one more, except in "direct".
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { connectLink, createSampler, parseContextConfig, startMonitor, startProvider } from "zcontext";
import { EventBus } from "zcontext/messaging";
import { Publisher, Subscriber } from "zeromq";
import { executable, writeContext } from "./provider.mjs";

const TOPIC = "reading";
const AHEAD = 4_000;
const REPORT_EVERY = 500;
/** Signals that are not counted, while the code is compiled. */
const WARM_UP = 20_000;
const CONTENT = { id: 123_456, name: "thermometer", celsius: 21.5, unit: "C" };

/** What each end does. A subscriber gets a function to call for each signal; a publisher answers one that publishes. */
const SUBSCRIBERS = {
  async bus({ file }, onSignal) {
    const bus = await EventBus.connect({ contextFile: file });
    await bus.subscribe(TOPIC, (content) => onSignal(content.id));
  },
  async plain({ endpoints }, onSignal) {
    const socket = new Subscriber({ receiveHighWaterMark: 2 * AHEAD });
    socket.connect(endpoints.subscribe);
    await receive(socket, onSignal);
  },
  async direct(_, onSignal) {
    const socket = new Subscriber({ receiveHighWaterMark: 2 * AHEAD });
    await socket.bind("tcp://127.0.0.1:*");
    await receive(socket, onSignal);
    return socket.lastEndpoint;
  },
};
const PUBLISHERS = {
  async bus({ file }) {
    const bus = await EventBus.connect({ contextFile: file });
    return (content) => bus.publish(TOPIC, content);
  },
  async scope({ endpoints }) {
    const link = await connectLink(endpoints, { topics: [], onFrame() {} });
    const header = { action: "published", service_id: "ts1", service_name: "thermometer", service_transaction: "T1" };
    return (content) => void link.publish({ topic: TOPIC, body: { header, content } });
  },
  async plain({ endpoints, at }) {
    const socket = new Publisher({ sendHighWaterMark: 2 * AHEAD });
    socket.connect(at ?? endpoints.publish);
    await joined();
    return (content) => socket.send([TOPIC, JSON.stringify(content)]);
  },
};

/** Name, publisher, subscriber. */
const RUNS = [
  ["plain zeromq.js, awaited, over the forwarder", "plain", "plain"],
  ["plain zeromq.js, awaited, direct", "plain", "direct"],
  ["bus.publish to bus.subscribe", "bus", "bus"],
  ["scope.publish to bus.subscribe", "scope", "bus"],
];

const [role, kind] = process.argv.slice(2);
if (role === "publisher" || role === "subscriber") process.once("message", role === "publisher" ? publish : subscribe);
else await main();

async function main() {
  const [signals = 200_000, rounds = 3] = process.argv.slice(2).map(Number);
  const folder = mkdtempSync(join(tmpdir(), "zcontext-bench-"));
  const file = writeContext(folder, [executable("unused", ["true"])]);
  const config = parseContextConfig(readFileSync(file, "utf8"), { file });
  const watch = (source) => startMonitor({ sampler: createSampler(), ...source });
  const provider = await startProvider({ config, file, watch });
  try {
    const results = new Map(RUNS.map(([name]) => [name, []]));
    for (let round = 0; round < rounds; round += 1)
      for (const [name, ...ends] of RUNS)
        results.get(name).push(await measure(ends, { file, endpoints: provider.endpoints, signals }));
    console.log(`${signals} signals of ${JSON.stringify(CONTENT).length} B, median of ${rounds} rounds`);
    const figures = [...results].map(([name, all]) => [name, median(all, "rate"), median(all, "cpuUs")]);
    const [[, baseRate, baseCpu]] = figures;
    row("", "a second", "ratio", "CPU of both ends", "ratio");
    for (const [name, rate, cpu] of figures)
      row(name, Math.round(rate), (rate / baseRate).toFixed(2), `${cpu.toFixed(1)} us`, (baseCpu / cpu).toFixed(2));
  } finally {
    await provider.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function row(name, ...figures) {
  console.log(name.padEnd(46), ...figures.map((figure) => `${figure}`.padStart(17)));
}

/** @returns Signals per second, and CPU time of both ends per signal, from the first counted signal to the last. */
async function measure([publisher, subscriber], setting) {
  const ears = start("subscriber", subscriber);
  const mouth = start("publisher", publisher);
  try {
    ears.send(setting);
    const [{ at }] = await once(ears, "message");
    mouth.send({ ...setting, at });
    let before = 0;
    return await new Promise((resolve) => {
      ears.on("message", ({ heard, rate }) => {
        const cpuUs = cpuOf(ears.pid) + cpuOf(mouth.pid);
        if (heard !== undefined) mouth.send({ heard });
        if (heard === WARM_UP) before = cpuUs;
        if (rate !== undefined) resolve({ rate, cpuUs: (cpuUs - before) / setting.signals });
      });
    });
  } finally {
    for (const child of [ears, mouth]) {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
  }
}

function start(role, kind) {
  return spawn(process.execPath, [import.meta.filename, role, kind], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

async function subscribe(setting) {
  let heard = 0;
  let began;
  const at = await SUBSCRIBERS[kind](setting, () => {
    heard += 1;
    if (heard === WARM_UP) began = performance.now();
    if (heard % REPORT_EVERY === 0) process.send({ heard });
    if (heard === WARM_UP + setting.signals)
      process.send({ rate: setting.signals / ((performance.now() - began) / 1_000) });
  });
  process.send({ at });
}

async function publish(setting) {
  const send = await PUBLISHERS[kind](setting);
  let heard = 0;
  let wake = () => {};
  process.on("message", (message) => {
    heard = message.heard;
    wake();
  });
  for (let sent = 0; sent < WARM_UP + setting.signals; sent += 1) {
    if (sent % 100 === 0) {
      await nextTurn();
      while (sent - heard >= AHEAD)
        await new Promise((resolve) => {
          wake = resolve;
        });
    }
    const sending = send({ ...CONTENT, id: 100_000 + (sent % 100_000) });
    if (sending !== undefined) await sending;
  }
}

async function receive(socket, onSignal) {
  socket.subscribe(TOPIC);
  (async () => {
    for await (const [, json] of socket) onSignal(JSON.parse(json.toString()).id);
  })();
  await joined();
}

/** Plain sockets don't know when a subscription has arrived. */
function joined() {
  return new Promise((resolve) => setTimeout(resolve, 1_000));
}

/** CPU time of a process, in microseconds; Linux counts it in hundredths of a second. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function median(results, figure) {
  const values = results.map((result) => result[figure]).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)];
}
