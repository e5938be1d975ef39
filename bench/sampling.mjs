// Measures what a sample of many tasks costs, compared with pidusage alone: CPU time of this process, with its thread pool.
// The samples are a second apart on the sampler's clock only, so all tiers come in turn without waiting.
// Usage: node bench/sampling.mjs [tasks] [samples] [--node]; needs `npm run build`, and Linux. With --node the tasks are
// idle Node processes, which have more threads, files and memory than a `sleep`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import pidusage from "pidusage";
import { createSampler } from "zcontext";

const isNode = process.argv.includes("--node");
const [tasks = 100, samples = 60] = process.argv
  .slice(2)
  .filter((word) => /^\d+$/.test(word))
  .map(Number);
const PERIOD_MS = 1_000;
/** Samples that are not counted, until the code is compiled and pidusage has its handles. */
const WARM_UP = 35;

const row = (what, ...figures) => console.log(what.padEnd(44), ...figures.map((figure) => figure.padStart(16)));

const children = await Promise.all(Array.from({ length: tasks }, startIdle));
try {
  const pids = children.map(({ pid }) => pid);
  let nowMs = 0;
  const sampler = createSampler({ monotonicMs: () => nowMs });

  row(
    `${tasks} idle ${isNode ? "Node processes" : "sleeps"}, ${samples} samples`,
    "CPU per sample",
    "dearest",
    "of a core at 1 s",
  );
  await measure("pidusage alone, one batch", () => pidusage([...pids], { maxage: 5_000 }));
  let figures = new Map();
  await measure("sampler, all tiers", async () => {
    nowMs += PERIOD_MS;
    figures = await sampler.sample(pids);
  });
  row("told of the first task", Object.keys(figures.get(pids[0])).join(" "));
} finally {
  for (const child of children) child.kill("SIGKILL");
}

async function measure(what, sample) {
  for (let done = 0; done < WARM_UP; done += 1) await sample();
  const costs = [];
  for (let done = 0; done < samples; done += 1) {
    const before = process.cpuUsage();
    await sample();
    const { user, system } = process.cpuUsage(before);
    costs.push((user + system) / 1_000);
  }
  const mean = costs.reduce((sum, cost) => sum + cost) / samples;
  row(
    what,
    `${mean.toFixed(2)} ms`,
    `${Math.max(...costs).toFixed(2)} ms`,
    `${((mean / PERIOD_MS) * 100).toFixed(2)} %`,
  );
}

async function startIdle() {
  const child = isNode
    ? spawn(process.execPath, ["-e", "console.log(1); process.stdin.resume()"], { stdio: ["pipe", "pipe", "ignore"] })
    : spawn("sleep", ["1000"], { stdio: "ignore" });
  await (isNode ? once(child.stdout, "data") : once(child, "spawn"));
  return child;
}
