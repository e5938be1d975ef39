// Measures what the lists of a `top` request cost (connections, opened files), with one reading of the socket tables for all
// tasks, and with one for each task. CPU time of this process, with its thread pool; the ratios are what counts.
// Usage: node bench/lists.mjs [tasks] [sockets] [samples]; needs `npm run build`, and Linux. The tasks are idle Node
// processes; the sockets are connections between two more processes in the same network namespace.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createSampler } from "zcontext";

const [tasks = 20, sockets = 6_000, samples = 20] = process.argv.slice(2).map(Number);
const PERIOD_MS = 1_000;
const WANTED = { open_connections: true, opened_files: true };
const IDLE = "console.log(1); process.stdin.resume()";
/** Listens, and connects to itself; each connection has two sockets. */
const HOLDS = `const { createServer, connect } = require("node:net"); const count = Number(process.argv[1]) / 2; let open = 0;
  const server = createServer(() => {}).listen(0, "127.0.0.1", 10_000, next);
  function next() { if (open++ >= count) return console.log(1); connect(server.address().port, "127.0.0.1", next); }
  process.stdin.resume();`;
/** Connections of one process, below the usual limit of its open files. */
const MOST = 400;

const row = (what, ...figures) => console.log(what.padEnd(44), ...figures.map((figure) => figure.padStart(18)));
const children = [];

try {
  const pids = await Promise.all(Array.from({ length: tasks }, () => start(IDLE)));
  row(`${tasks} idle Node processes, ${samples} samples`, "CPU per sample", "of a core at 1 s", "ratio");
  await compare("no further sockets", pids);
  for (let left = sockets; left > 0; left -= MOST) await start(HOLDS, String(Math.min(left, MOST)));
  await compare(`beside ${sockets} sockets`, pids);
} finally {
  for (const child of children) child.kill("SIGKILL");
}

async function compare(what, pids) {
  const sampler = createSampler();
  const shared = await measure(() => sampler.details(pids, WANTED));
  const each = await measure(async () => {
    for (const pid of pids) await sampler.details([pid], WANTED);
  });
  show(`${what}: one reading for all`, shared, shared / each);
  show(`${what}: one for each`, each, 1);
}

function show(what, ms, ratio) {
  row(what, `${ms.toFixed(1)} ms`, `${((100 * ms) / PERIOD_MS).toFixed(1)} %`, ratio.toFixed(2));
}

/** Mean CPU time in milliseconds, once the code is compiled. */
async function measure(sample) {
  for (let done = 0; done < 3; done += 1) await sample();
  const before = process.cpuUsage();
  for (let done = 0; done < samples; done += 1) await sample();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / samples;
}

async function start(code, ...words) {
  const child = spawn(process.execPath, ["-e", code, ...words], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  await once(child.stdout, "data");
  return child.pid;
}
