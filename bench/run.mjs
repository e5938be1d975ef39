// Runs benches one after the other: `npm run bench -- startup tasks 50` runs startup, and tasks with 50 of them. Words behind
// a name that are no names are its arguments. Without words it lists the benches. Ends with 1 when one of them has failed.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const NOT_A_BENCH = ["run", "provider"];
const benches = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".mjs"))
  .map((file) => file.slice(0, -".mjs".length))
  .filter((name) => !NOT_A_BENCH.includes(name));

const [first, ...rest] = process.argv.slice(2);
if (first === undefined) {
  console.log("npm run bench -- NAME [ARGUMENT…] [NAME [ARGUMENT…]]…\n");
  for (const name of benches) console.log(`${name.padEnd(12)} ${purposeOf(name)}`);
} else if (!benches.includes(first)) {
  console.error(`error: no bench is called ${first}; there are ${benches.join(", ")}`);
  process.exitCode = 2;
} else {
  for (const [name, ...words] of runsOf([first, ...rest])) {
    console.log(`\n== ${[name, ...words].join(" ")}`);
    const { status } = spawnSync(process.execPath, [pathOf(name), ...words], { stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  }
}

function runsOf(words) {
  const runs = [];
  for (const word of words) {
    if (benches.includes(word)) runs.push([word]);
    else runs.at(-1).push(word);
  }
  return runs;
}

/** What the bench measures: the first clause of its opening comment. */
function purposeOf(name) {
  const comment = /^(?:\/\/ .*\n)+/.exec(readFileSync(pathOf(name), "utf8"))?.[0].replaceAll(/^\/\/ |\n$/gm, "") ?? "";
  return /^.*?[^.:;]*/.exec(comment.replaceAll("\n", " "))[0];
}

function pathOf(name) {
  return join(import.meta.dirname, `${name}.mjs`);
}
