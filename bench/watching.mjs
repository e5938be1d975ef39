// Compares the figures with those of `ps` and /proc in the same second, and what they cost the provider with what the
// provider reports of itself.
// Usage: node bench/watching.mjs [tasks] [seconds]; needs `npm run build`, and Linux. Ends with 1 when a figure is wrong.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connectContext } from "zcontext";
import { Subscriber } from "zeromq";
import { executable, runProvider, service, writeContext } from "./provider.mjs";

const tasks = Number(process.argv[2] ?? 100);
const seconds = Number(process.argv[3] ?? 60);
/** Until every tier has been sampled, and the code is compiled. */
const WARM_UP_S = 40;
const MIB_BYTES = 2 ** 20;
const TICKS_PER_SECOND = 100;
/** The tolerance: a share of the figure, or the resolution of the kernel's own counter. */
const SHARE = 0.05;
const FINEST = { mib: 0.25, percent: 2 };

const OPENS = `const { openSync } = require("node:fs"); openSync(process.argv[1], "r");
require("node:net").createServer().listen(0, "127.0.0.1", function () { console.log("port", this.address().port); });`;

let wrong = 0;
const row = (what, ...figures) => console.log(what.padEnd(52), ...figures.map((figure) => `${figure}`.padStart(14)));

await areTheyRight();
await whatDoTheyCost("programs that sleep", () => (id) => executable(id, ["sleep", "100000"]));
await whatDoTheyCost("idle task services", (folder) => {
  mkdirSync(join(folder, "services", "Idle"), { recursive: true });
  const code = `export default { name: "idle", description: "waits", task: { kind: "single", run: (scope) => scope.sleep(1e9) } };`;
  writeFileSync(join(folder, "services", "Idle", "ServiceIdle.mjs"), code);
  return (id) => service(id, "Idle");
});
process.exitCode = wrong === 0 ? 0 : 1;

async function areTheyRight() {
  await within(
    (folder) => {
      const held = join(folder, "held.txt");
      writeFileSync(held, "");
      return [
        executable("spins", ["node", "-e", "while(true);"]),
        executable("idles", ["node", "-e", "setInterval(()=&gt;{},1000)"]),
        executable("tree", ["sh", "-c", "sleep 100000 &amp; sleep 100000; exit"]),
        executable("holds", ["node", "-e", escaped(OPENS), held]),
      ];
    },
    async ({ client, folder }) => {
      await pause(4_000);
      const before = new Map((await look(client)).map(({ service_id, pid }) => [service_id, readOne(pid)]));
      await pause(1_000);
      const found = await look(client);
      row("beside ps and /proc in the same second", "ours", "theirs", "ratio");
      for (const { service_id: id, pid, memory } of found) {
        const theirs = readOne(pid);
        check(`${id}: resident MiB`, memory.rss, theirs.rssMib, isNear(memory.rss, theirs.rssMib, FINEST.mib));
        const earlier = before.get(id);
        const cpu = (100 * (theirs.cpuS - earlier.cpuS)) / (theirs.atS - earlier.atS);
        const { cpu_percent: own } = memory;
        check(`${id}: CPU percent`, own, cpu, isNear(own, cpu, FINEST.percent));
      }
      const of = (id) => found.find(({ service_id }) => service_id === id);
      const children = childrenOf(of("tree").pid);
      const ours = of("tree").memory.children.map(({ pid }) => pid);
      check("tree: its children", ours.join(" "), children.join(" "), `${ours}` === `${children}`);
      const [{ memory }] = (await client.top("T1", { opened_files: true, open_connections: true })).filter(
        ({ service_id }) => service_id === "holds",
      );
      const port = listeningPort(of("holds").pid);
      const ports = memory.connections.map((members) => Object.assign({}, ...members).laddr[1]);
      check("holds: its listening port", ports.join(" "), port, ports.includes(port));
      const files = memory.opened_files.map((members) => Object.assign({}, ...members).path);
      const held = join(folder, "held.txt");
      check("holds: its open file", files.includes(held), true, files.includes(held));
    },
  );
}

async function whatDoTheyCost(what, prepare) {
  await within(
    (folder) => {
      const task = prepare(folder);
      return Array.from({ length: tasks }, (_, id) => task(`t${id}`));
    },
    async ({ provider }) => {
      await pause(WARM_UP_S * 1_000);
      const listener = new Subscriber();
      listener.connect(provider.endpoints.subscribe);
      listener.subscribe("overview @@@");
      const told = [];
      const before = readOne(provider.pid);
      for await (const [frame] of listener) {
        told.push(JSON.parse(String(frame).split("@@@ ")[1]));
        if (told.length === seconds) break;
      }
      const after = readOne(provider.pid);
      listener.close();
      const mean = (figure) => told.reduce((sum, overview) => sum + figure(overview), 0) / told.length;
      const shown = (percent) => `${percent.toFixed(2)} %`;
      console.log();
      row(`${tasks} ${what}, ${seconds} s`, "of a core");
      row("looking at them and telling, as the provider says", shown(mean(({ sampling }) => sampling.cpu_percent)));
      row("the provider in all, as it says", shown(mean(({ provider: own }) => own.cpu_percent)));
      row("the provider in all, as /proc says", shown((100 * (after.cpuS - before.cpuS)) / (after.atS - before.atS)));
      row("its forwarder, as the provider says", shown(mean(({ forwarder }) => forwarder.cpu_percent)));
      row("resident memory of the provider", `${mean(({ provider: own }) => own.rss).toFixed(0)} MiB`);
    },
  );
}

/** One set of figures; their CPU share is over the last second. */
async function look(client) {
  return client.top("T1");
}

function check(what, ours, theirs, isRight) {
  const shown = (figure) => (typeof figure === "number" && !Number.isInteger(figure) ? figure.toFixed(2) : figure);
  const ratio = typeof ours === "number" && theirs > 0.5 ? (ours / theirs).toFixed(3) : "";
  row(what, shown(ours), shown(theirs), isRight ? ratio : "WRONG");
  if (!isRight) wrong += 1;
}

function isNear(ours, theirs, finest) {
  return Math.abs(ours - theirs) <= Math.max(finest, theirs * SHARE);
}

/** Resident memory from `ps`, and CPU seconds from /proc. */
function readOne(pid) {
  const { stdout } = spawnSync("ps", ["-o", "rss=", "-p", `${pid}`], { encoding: "utf8" });
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  const atS = performance.now() / 1_000;
  return {
    atS,
    rssMib: (Number(stdout) * 1_024) / MIB_BYTES,
    cpuS: (Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND,
  };
}

function childrenOf(pid) {
  const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", `${pid}`], { encoding: "utf8" });
  return stdout.trim().split(/\s+/).map(Number);
}

function listeningPort(pid) {
  const { stdout } = spawnSync("ss", ["-ltnp"], { encoding: "utf8" });
  return Number(new RegExp(`:(\\d+)\\s.*pid=${pid},`).exec(stdout)?.[1]);
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Runs a provider of these tasks as T1 for an action, and ends it. */
async function within(make, use) {
  const folder = mkdtempSync(join(tmpdir(), "zcontext-watching-"));
  const provider = await runProvider(writeContext(folder, make(folder)), { words: ["--start", "T1"] });
  const client = await connectContext(provider.endpoints);
  try {
    await use({ provider, client, folder });
  } finally {
    await client[Symbol.asyncDispose]();
    await provider.end("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  }
}
