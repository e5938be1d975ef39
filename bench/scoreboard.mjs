// Runs the same faults against zcontext, supervisord and pm2, with the same programs, and judges by the process table.
// Usage: npm run build && node bench/scoreboard.mjs [--only zcontext,supervisord,supervisord-groups,pm2] [--rows 1,5,8]
//   [--pm2 FOLDER] [--without-supervision] [--write]. What the rows mean: docs/scoreboard.md. Linux only.
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { sweep } from "./scoreboard/process-table.mjs";
import { openStage } from "./scoreboard/stage.mjs";
import { findPm2 } from "./scoreboard/subjects/pm2.mjs";
import { findSupervisord } from "./scoreboard/subjects/supervisord.mjs";
import { findZcontext } from "./scoreboard/subjects/zcontext.mjs";
import { placed, tableOf } from "./scoreboard/table.mjs";
import { trials } from "./scoreboard/trials.mjs";

const options = readOptions();
const page = join(import.meta.dirname, "..", "docs", "scoreboard.md");
const root = mkdtempSync(join(tmpdir(), "scoreboard-"));
const mark = randomUUID();
const interrupted = new Promise((_, reject) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => reject(new Error(signal)));
});
let isComplete = true;

try {
  const table = await Promise.race([run(), interrupted]);
  process.stdout.write(table);
  if (options.write) writeFileSync(page, placed(readFileSync(page, "utf8"), table));
} catch (error) {
  isComplete = false;
  console.error(`given up: ${error.message}`);
} finally {
  await sweep(mark);
  rmSync(root, { recursive: true, force: true });
}
// Ends what an interrupted run has left.
process.exit(isComplete ? 0 : 1);

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: "string", default: "zcontext,supervisord,supervisord-groups,pm2" },
      rows: { type: "string" },
      pm2: { type: "string" },
      "without-supervision": { type: "boolean", default: false },
      write: { type: "boolean", default: false },
    },
  });
  return { ...values, only: values.only.split(","), rows: values.rows?.split(",") };
}

async function run() {
  const subjects = findSubjects();
  const rows = trials
    .flatMap((trial) => Object.entries(trial.rows).map(([number, title]) => ({ number, title })))
    .filter(({ number }) => isWanted(number))
    .toSorted((one, other) => one.number.localeCompare(other.number, "en", { numeric: true }));
  const cells = new Map();
  const chosen = trials.filter((trial) => Object.keys(trial.rows).some(isWanted));
  const all = (trial) => Promise.all(subjects.map((subject) => attempt(trial, subject, cells)));

  const long = Promise.all(chosen.filter(({ isLong }) => isLong).map(all));
  for (const trial of chosen.filter(({ isLong, isTimed }) => !isLong && !isTimed)) await all(trial);
  await long;
  for (const trial of chosen.filter(({ isTimed }) => isTimed))
    for (const subject of subjects) await attempt(trial, subject, cells);

  const facts = `Node ${process.version}, Linux, ${availableParallelism()} cores.`;
  return tableOf({ columns: subjects, rows, cells, facts });
}

function isWanted(number) {
  return (
    options.rows === undefined ||
    options.rows.some((row) => row === number || row === Number.parseInt(number, 10).toString())
  );
}

function findSubjects() {
  const finders = {
    zcontext: () => findZcontext({ isSupervised: !options["without-supervision"] }),
    supervisord: () => findSupervisord({ hasGroups: false }),
    "supervisord-groups": () => ({ ...findSupervisord({ hasGroups: true }), isAboutGroups: true }),
    pm2: () => findPm2({ installation: options.pm2 === undefined ? join(root, "pm2") : resolve(options.pm2) }),
  };
  return options.only.flatMap((id) => {
    const found = finders[id]?.() ?? { missing: `one of ${Object.keys(finders).join(", ")}` };
    if (found.missing === undefined) return [{ id, ...found }];
    console.error(`${id} is left out; needed: ${found.missing}`);
    return [];
  });
}

async function attempt(trial, subject, cells) {
  const numbers = Object.keys(trial.rows);
  if (subject.isAboutGroups && !trial.isAboutGroups) return;
  const stage = openStage({ root, mark, name: `${subject.id}-${numbers[0]}`, subject });
  try {
    const results = await trial.run(stage);
    for (const [number, cell] of Object.entries(results)) {
      cells.set(`${number} ${subject.id}`, cell);
      console.error(`${number.padEnd(4)} ${subject.id.padEnd(20)} ${cell}`);
    }
  } catch (error) {
    isComplete = false;
    for (const number of numbers) cells.set(`${number} ${subject.id}`, "?");
    console.error(`${numbers[0].padEnd(4)} ${subject.id.padEnd(20)} not measured: ${error.message}`);
  } finally {
    await stage.end();
  }
}
