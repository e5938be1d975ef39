// Starts and stops many task services, and the same number of Node processes by a plain spawn, in one run.
// Usage: node bench/tasks.mjs [count]; needs `npm run build`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectContext, createSampler, parseContextConfig, startMonitor, startProvider } from "zcontext";
import { service, writeContext as writeTasks } from "./provider.mjs";

const count = Number(process.argv[2] ?? 100);
const folder = mkdtempSync(join(tmpdir(), "zcontext-bench-"));
const rounds = 3;

try {
  const file = writeContext();
  const plain = await plainSpawn();
  const ours = await zcontext(file);
  const row = (what, figures) => console.log(what.padEnd(44), figures);
  console.log(`${count} tasks, median of ${rounds} rounds`);
  row("plain spawn: all running", `${plain.started.toFixed(0)} ms   1.00`);
  row(
    "zcontext: start command to all started",
    `${ours.started.toFixed(0)} ms   ${(ours.started / plain.started).toFixed(2)}`,
  );
  row("plain spawn: SIGTERM to all gone", `${plain.stopped.toFixed(0)} ms   1.00`);
  row(
    "zcontext: stop command to all gone",
    `${ours.stopped.toFixed(0)} ms   ${(ours.stopped / plain.stopped).toFixed(2)}`,
  );
  row("zcontext: provider's resident memory", `${ours.rssMib.toFixed(0)} MiB`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function writeContext() {
  mkdirSync(join(folder, "services", "Idle"), { recursive: true });
  const code = `export default { name: "idle", description: "waits", task: { kind: "single", run: (scope) => scope.sleep(1e9) } };`;
  writeFileSync(join(folder, "services", "Idle", "ServiceIdle.mjs"), code);
  return writeTasks(
    folder,
    Array.from({ length: count }, (_, id) => service(`t${id}`, "Idle")),
  );
}

// The best the machine can do: the same number of Node processes that load ZeroMQ and print one word.
async function plainSpawn() {
  const script = `require(${JSON.stringify(join(import.meta.dirname, "../node_modules/zeromq"))}); console.log("up"); setInterval(() => {}, 1e6);`;
  const results = [];
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    const children = Array.from({ length: count }, () =>
      spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] }),
    );
    await Promise.all(children.map((child) => once(child.stdout, "data")));
    const started = performance.now() - began;
    const ending = performance.now();
    for (const child of children) child.kill();
    await Promise.all(children.map((child) => once(child, "exit")));
    results.push({ started, stopped: performance.now() - ending });
  }
  return medians(results);
}

async function zcontext(file) {
  const config = parseContextConfig(readFileSync(file, "utf8"), { file });
  const watch = (source) => startMonitor({ sampler: createSampler(), ...source });
  const provider = await startProvider({ config, file, watch });
  const client = await connectContext(provider.endpoints);
  const results = [];
  for (let round = 0; round < rounds; round += 1) {
    const transaction = `T${round}`;
    const began = performance.now();
    await (await client.command({ action: "start", transaction })).settled(60_000);
    const started = performance.now() - began;
    const rssMib = process.memoryUsage.rss() / 2 ** 20;
    const ending = performance.now();
    await (await client.command({ action: "stop", transaction })).settled(60_000);
    results.push({ started, stopped: performance.now() - ending, rssMib });
  }
  await client[Symbol.asyncDispose]();
  await provider.close();
  return medians(results);
}

function medians(results) {
  const middle = (name) => results.map((result) => result[name]).sort((a, b) => a - b)[Math.floor(results.length / 2)];
  return Object.fromEntries(Object.keys(results[0]).map((name) => [name, middle(name)]));
}
