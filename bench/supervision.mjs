// Measures what supervision costs and how fast it reacts: many tasks, many restarts, deaths of tasks and of the provider. Where
// the same can be done without a supervisor, that is measured as well.
// Usage: node bench/supervision.mjs [tasks] [restarts]; needs `npm run build`, and Linux.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connectContext } from "zcontext";
import { executable, isAlive, runProvider, service, writeContext } from "./provider.mjs";

const tasks = Number(process.argv[2] ?? 500);
const restarts = Number(process.argv[3] ?? 1_000);
/** Rounds of what takes little time. */
const ROUNDS = 20;
const IDLE_TASKS = 100;
const IDLE_S = 20;
/** The shortest wait before a restart. */
const SOON = { restart: "always", backoff_min_s: 0.01, backoff_max_s: 0.01 };
const BOUND_MS = 120_000;
const HOLDS = join(import.meta.dirname, "../test/fixtures/says-what-it-holds.cjs");
const PROGRAMS = join(import.meta.dirname, "../test/fixtures/programs");
const LOOK_MS = 5;
const EXPIRY_S = 120;

const row = (what, ...figures) => console.log(what.padEnd(58), ...figures.map((figure) => figure.padStart(12)));
const ms = (time) => `${time.toFixed(0)} ms`;
const ratio = (ours, plain) => (ours / plain).toFixed(2);

await manyTasks();
await manyRestarts();
await aTaskDies();
await theProviderDies();
await idle();

async function manyTasks() {
  const plain = await plainSleeps();
  row(`plain spawn of ${tasks} programs: all running`, ms(plain.started), "1.00");
  const all = Array.from({ length: tasks }, (_, id) => executable(`t${id}`, ["sleep", "100000"]));
  await within(all, async ({ client, held }) => {
    const first = await held();
    const started = await timed(() => settled(client, "start"));
    row("zcontext: start command to all running", ms(started), ratio(started, plain.started));
    row("zcontext: its state, asked for", ms(await timed(() => client.state("T1"))));
    row("plain SIGTERM: all gone", ms(plain.stopped), "1.00");
    const stopped = await timed(() => settled(client, "stop"));
    row("zcontext: stop command to all gone", ms(stopped), ratio(stopped, plain.stopped));
    const second = await held(first);
    await settled(client, "start");
    await settled(client, "stop");
    showHeld(first, second, await held(first));
  });
}

async function plainSleeps() {
  let children = [];
  const started = await timed(async () => {
    children = Array.from({ length: tasks }, () => spawn("sleep", ["100000"], { stdio: ["ignore", "pipe", "pipe"] }));
    await Promise.all(children.map((child) => once(child, "spawn")));
  });
  const stopped = await timed(async () => {
    for (const child of children) child.kill();
    await Promise.all(children.map((child) => once(child, "exit")));
  });
  return { started, stopped };
}

async function manyRestarts() {
  const plain = await timed(async () => {
    for (let run = 0; run < restarts; run += 1) await once(spawn("true"), "exit");
  });
  row(`plain: ${restarts} programs, one after the other`, ms(plain), "1.00");
  const again = { ...SOON, max_restarts: restarts, period_s: 3_600 };
  await within([executable("t1", ["true"], { supervision: again })], async ({ client, provider, held }) => {
    const failed = async () => {
      const failing = provider.next(1, ({ msg }) => msg === "failed");
      await client.command({ action: "start", transaction: "T1" });
      await failing;
    };
    const first = await held();
    // A restart waits 10 ms, more or less a fifth.
    const lasted = (await timed(failed)) - restarts * SOON.backoff_min_s * 1_000;
    row(`zcontext: ${restarts} restarts, but for their waits`, ms(lasted), ratio(lasted, plain));
    const second = await held(first);
    await failed();
    showHeld(first, second, await held(first));
  });
}

async function aTaskDies() {
  const zeromq = createRequire(import.meta.url).resolve("zeromq");
  const words = ["-e", `require(${JSON.stringify(zeromq)}); console.log("up"); setInterval(() => {}, 1e6);`];
  const plain = await median(async () => {
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "ignore"] });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    const lasted = await timed(async () => {
      await once(child, "exit");
      const next = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "ignore"] });
      await once(next.stdout, "data");
      next.kill("SIGKILL");
    });
    return lasted;
  });
  row("plain: a Node process killed, and the next one up", ms(plain), "1.00");
  const again = { ...SOON, max_restarts: ROUNDS + 1, period_s: 3_600 };
  await within([service("t1", "Idle", again)], async ({ client, provider }) => {
    await settled(client, "start");
    const ours = await median(async () => {
      const [{ pid }] = await client.state("T1");
      const back = provider.next(1, ({ msg }) => msg === "running");
      return timed(async () => {
        process.kill(pid, "SIGKILL");
        await back;
      });
    });
    row("zcontext: the same, 10 ms of waiting included", ms(ours), ratio(ours, plain));
    await settled(client, "stop");
  });
}

async function theProviderDies() {
  const shapes = ["ignores-sigterm.sh", "leaves-a-deaf-grandchild.sh", "leaves-a-session.sh", "leaves-a-daemon.sh"];
  const fifty = Array.from({ length: 50 }, (_, id) =>
    id % 5 === 4
      ? service(`t${id}`, "Blocked", { heartbeat_s: 0 })
      : executable(`t${id}`, ["sh", join(PROGRAMS, shapes[id % 5])]),
  );
  const folder = makeFolder();
  try {
    const file = writeContext(folder, fifty);
    const provider = await runProvider(file);
    const leaders = await startIn(provider);
    const all = descendantsOf(leaders);
    const gone = { leaders: 0, all: 0 };
    const began = performance.now();
    await provider.end("SIGKILL");
    for (const [kind, pids] of Object.entries({ leaders, all })) {
      while (pids.some(isAlive)) await pause(LOOK_MS);
      gone[kind] = performance.now() - began;
    }
    row("provider with 50 tasks killed: their leaders gone", ms(gone.leaders));
    row(`the same: all their ${all.length} processes gone`, ms(gone.all));

    const resumed = await timed(async () => {
      const next = await runProvider(file);
      await next.next(fifty.length, ({ msg }) => msg === "running", 0);
      await next.end("SIGKILL");
    });
    row("the next provider has them all running again", ms(resumed));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts the tasks; returns the pids of their leaders. */
async function startIn({ endpoints }) {
  const client = await connectContext(endpoints);
  try {
    return (await settled(client, "start")).map(({ pid }) => pid);
  } finally {
    await client[Symbol.asyncDispose]();
  }
}

function descendantsOf(leaders) {
  const { stdout } = spawnSync("ps", ["-eo", "pid=,ppid=,sid="], { encoding: "utf8" });
  const rows = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/ +/).map(Number));
  const found = new Set(leaders);
  for (let size = 0; size < found.size; ) {
    size = found.size;
    for (const [pid, parent, session] of rows) if (found.has(parent) || found.has(session)) found.add(pid);
  }
  return [...found];
}

async function idle() {
  const all = Array.from({ length: IDLE_TASKS }, (_, id) => service(`t${id}`, "Idle"));
  await within(all, async ({ client, provider }) => {
    await settled(client, "start");
    await pause(2_000);
    const before = cpuSecondsOf(provider.pid);
    const lasted = await timed(() => pause(IDLE_S * 1_000));
    const share = (cpuSecondsOf(provider.pid) - before) / (lasted / 1_000);
    row(
      `provider of ${IDLE_TASKS} idle tasks, heartbeats and figures included`,
      `${(share * 100).toFixed(1)} %`,
      "of a core",
    );
    await settled(client, "stop");
  });
}

/** Runs a provider of these tasks for an action, and ends it. */
async function within(all, use) {
  const folder = makeFolder();
  const provider = await runProvider(writeContext(folder, all), {
    environment: { NODE_OPTIONS: `--require "${HOLDS}"` },
  });
  const client = await connectContext(provider.endpoints);
  try {
    await use({ provider, client, held: (before) => held(provider, before) });
  } finally {
    await client[Symbol.asyncDispose]();
    await provider.end("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  }
}

function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), "zcontext-bench-"));
  const services = {
    Idle: `run: (scope) => scope.sleep(1e9)`,
    Blocked: `run(scope) { setTimeout(() => { for (;;); }, 100); return scope.sleep(1e9); }`,
  };
  for (const [name, code] of Object.entries(services)) {
    mkdirSync(join(folder, "services", name), { recursive: true });
    const text = `export default { name: "bench", description: "${name}", task: { kind: "single", ${code} } };`;
    writeFileSync(join(folder, "services", name, `Service${name}.mjs`), text);
  }
  return folder;
}

async function settled(client, action) {
  return (await client.command({ action, transaction: "T1" })).settled(BOUND_MS);
}

/**
 * What the provider holds once it has thrown away what it needs no more; with `before`, when its descriptors are down to
 * that again, which takes until figures of who is gone are too old to be kept.
 */
async function held(provider, before) {
  const descriptors = () => readdirSync(`/proc/${provider.pid}/fd`).length;
  for (let waits = 0; before !== undefined && descriptors() > before.descriptors && waits < EXPIRY_S; waits += 1)
    await pause(1_000);
  const saying = provider.next(1, ({ msg }) => msg === "held");
  process.kill(provider.pid, "SIGUSR2");
  const [{ heapBytes, rssBytes }] = await saying;
  return { descriptors: descriptors(), heapBytes, rssBytes };
}

/** The second round shows what is not freed; in the first one the runtime itself still grows. */
function showHeld(before, once, twice) {
  for (const [what, one, other] of [
    ["the first time", before, once],
    ["the second time", once, twice],
  ]) {
    const grown = (name) => `${((other[name] - one[name]) / 2 ** 20).toFixed(1)} MiB`;
    const descriptors = `${other.descriptors - one.descriptors}`;
    row(`  held afterwards ${what}: descriptors, heap, resident`, descriptors, grown("heapBytes"), grown("rssBytes"));
  }
}

/** User and system time of a process so far. */
function cpuSecondsOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function median(measure) {
  const times = [];
  for (let round = 0; round < ROUNDS; round += 1) times.push(await measure());
  return times.sort((one, other) => one - other)[ROUNDS / 2];
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
