// Measures how long `--help` of the commands takes, as a ratio to `node -e 0`: the median of alternating runs, so that other
// load on the machine affects both. Usage: npm run build && node bench/startup.mjs [runs]
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [runs = "40"] = process.argv.slice(2);
const bin = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist", "bin");
const commands = ["service-context", "create-service", "conf-command", "context-monitor", "context-bus", "zcontext"];
const lists = {
  "node -e 0": ["-e", "0"],
  ...Object.fromEntries(commands.map((name) => [`${name} --help`, [join(bin, `${name}.cjs`), "--help"]])),
};
// Extra certificates slow down every start of Node and so hide the difference.
const { NODE_EXTRA_CA_CERTS, ...env } = process.env;

const times = new Map(Object.keys(lists).map((name) => [name, []]));
for (let run = 0; run < Number(runs); run += 1) {
  for (const [name, words] of Object.entries(lists)) {
    const start = process.hrtime.bigint();
    const { status } = spawnSync(process.execPath, words, { env, stdio: "ignore" });
    if (status !== 0) throw new Error(`${name} ended with ${status}`);
    times.get(name).push(Number(process.hrtime.bigint() - start) / 1e6);
  }
}

const median = (list) => list.toSorted((one, other) => one - other)[Math.floor(list.length / 2)];
const bare = median(times.get("node -e 0"));
for (const [name, list] of times)
  console.log(`${name.padEnd(24)} ${median(list).toFixed(1).padStart(6)} ms  ${(median(list) / bare).toFixed(2)}`);
