// Stops process trees of shapes that tend to survive their supervisor, a hundred of each, and crashes the leaders of as many;
// counts the processes that are still alive when the provider reports the end.
// Usage: node bench/tree-kill.mjs [count]; needs `npm run build`, and Linux.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectContext } from "zcontext";
import { executable, isAlive, runProvider, writeContext } from "./provider.mjs";

const count = Number(process.argv[2] ?? 100);
/** How many run at the same time. */
const TASKS = 10;
const SUPERVISION = { grace_s: 0.2 };
const BOUND_MS = 60_000;
const PROGRAMS = join(import.meta.dirname, "../test/fixtures/programs");

/** The programs, and how many processes of each print their pids. */
const SHAPES = [
  { what: "leader exits, its child ignores SIGTERM", program: "leaves-a-deaf-child.sh", processes: 2 },
  { what: "all ignore SIGTERM", program: "ignores-sigterm-with-its-children.sh", processes: 3 },
  { what: "three levels, the last ignores SIGTERM", program: "leaves-a-deaf-grandchild.sh", processes: 3 },
  { what: "descendant in a session of its own", program: "leaves-a-session.sh", processes: 2 },
  { what: "daemon that was forked twice", program: "leaves-a-daemon.sh", processes: 2 },
  { what: "the same, becoming other programs", program: "leaves-a-daemon-that-changes.sh", processes: 2 },
];

const row = (what, ...figures) => console.log(what.padEnd(40), ...figures.map((figure) => String(figure).padStart(18)));
row("", "stopped", "of those alive", "crashed", "of those alive");
let survivors = 0;
for (const shape of SHAPES) {
  const stopped = await tryShape(shape, stopAll);
  const crashed = await tryShape(shape, crashAll);
  row(shape.what, stopped.trees, stopped.alive, crashed.trees, crashed.alive);
  survivors += stopped.alive + crashed.alive;
}
process.exitCode = survivors === 0 ? 0 : 1;

/** Ends trees of a shape; returns how many of them still had a living process afterwards. */
async function tryShape({ program, processes }, end) {
  const folder = mkdtempSync(join(tmpdir(), "zcontext-bench-"));
  const tree = ["sh", join(PROGRAMS, program)];
  const tasks = Array.from({ length: TASKS }, (_, id) => executable(`t${id}`, tree, { supervision: SUPERVISION }));
  const provider = await runProvider(writeContext(folder, tasks));
  const client = await connectContext(provider.endpoints);
  let alive = 0;
  let trees = 0;
  try {
    for (; trees < count; trees += TASKS) {
      const transaction = `T${trees}`;
      const printing = provider.next(TASKS * processes, ({ msg, stream }) => msg === "output" && stream === "stdout");
      await (await client.command({ action: "start", transaction })).settled(BOUND_MS);
      const printed = await printing;
      await end({ provider, client, transaction });
      const left = printed.filter(({ line }) => isAlive(Number(line)));
      alive += new Set(left.map(({ task }) => task)).size;
      for (const { line } of left) process.kill(Number(line), "SIGKILL");
    }
  } finally {
    await client[Symbol.asyncDispose]();
    await provider.end("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  }
  return { trees, alive };
}

async function stopAll({ client, transaction }) {
  await (await client.command({ action: "stop", transaction })).settled(BOUND_MS);
}

// A task whose leader has crashed is `failed` once none of its processes is left.
async function crashAll({ provider, client, transaction }) {
  const failing = provider.next(TASKS, ({ msg }) => msg === "failed");
  for (const { pid } of await client.state(transaction)) process.kill(pid, "SIGKILL");
  await failing;
}
