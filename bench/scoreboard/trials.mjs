// The trials, one for each fault. A trial gets a stage and returns the cells of its rows. They are judged by the process
// table; where a row is about a tool's own output, that is quoted in `code`.
import { setTimeout as pause } from "node:timers/promises";
import { hasMark, kill, pids, until, wordsOf } from "./process-table.mjs";
import * as programs from "./programs.mjs";

/** How long processes may take to leave the table after their supervisor has finished. */
const LEAVING_MS = 2_000;
const IDLE_TASKS = 20;
const KILLS = 5;

/**
 * `isLong` trials run beside the others; `isTimed` ones come last, each alone. `isAboutGroups` are those in which it
 * matters whether a supervisor signals groups.
 */
export const trials = [
  {
    rows: { 8: "exits after 1.5 s, each time: starts in 60 s, and what is shown then" },
    isLong: true,
    run: async (stage) => ({ 8: await countStarts(stage, programs.exitsSoon, 60) }),
  },
  stopping("1", "stop; leader exits, its child ignores the stop signal: survivors", programs.leaderExitsChildIgnores),
  stopping("2", "stop; leader and child ignore the stop signal: survivors", programs.allIgnore),
  stopping("3", "stop; descendant in a session of its own: survivors", programs.hasSetsidDescendant),
  stopping("4", "stop; double-forked daemon: survivors", programs.hasDaemon),
  {
    rows: {
      "5a": "supervisor killed; node task: alive 3 s later",
      "5b": "supervisor killed; node task with a blocked loop: alive 3 s later",
      "5c": "supervisor killed; sh program with a child: alive 3 s later",
      6: "started again after that: copies of these three",
    },
    run: killSupervisor,
  },
  {
    rows: { 7: "exits at once, each time: starts in 10 s, and what is shown then" },
    run: async (stage) => ({ 7: await countStarts(stage, programs.exitsAtOnce, 10) }),
  },
  { rows: { 9: "event loop blocked: noticed within 10 s" }, run: blockLoop },
  {
    rows: { "10a": "SIGSTOP of a node task: noticed within 10 s", "10b": "SIGSTOP of a program: noticed within 10 s" },
    run: halt,
  },
  { rows: { 11: "never gets ready: shown after 5 s" }, run: neverReady },
  { rows: { 12: `stop of ${IDLE_TASKS} idle tasks: command to all gone` }, isTimed: true, run: stopMany },
  { rows: { 13: "kill -9 of a task: to its replacement's pid" }, isTimed: true, run: replace },
];

function stopping(row, title, program) {
  const run = async (stage) => {
    const supervisor = await stage.start([{ id: "task", program }]);
    const { code } = await supervisor.stop();
    const atReturn = stage.living().length;
    await until(() => stage.living().length === 0, LEAVING_MS);
    const later = stage.living().length;
    const survivors = later === atReturn ? `${atReturn}` : `${atReturn}; ${later} after ${LEAVING_MS / 1000} s`;
    return { [row]: code === 0 ? survivors : `${survivors}; exit code ${code}` };
  };
  return { rows: { [row]: title }, isAboutGroups: true, run };
}

async function countStarts(stage, program, seconds) {
  const supervisor = await stage.start([{ id: "task", program }]);
  const began = Date.now();
  await pause(seconds * 1000);
  const starts = stage.entries().length;
  const last = Math.max(0, stage.lastEntryMs() - began) / 1000;
  const shown = await supervisor.stateOf("task");
  return `${starts}, the last after ${last.toFixed(0)} s; \`${shown}\``;
}

async function killSupervisor(stage) {
  const tasks = {
    node: programs.steady,
    blocked: programs.blocks,
    program: programs.hasChild,
  };
  const supervisor = await stage.start(Object.entries(tasks).map(([id, program]) => ({ id, program })));
  kill(supervisor.pid, "SIGKILL");
  await until(() => stage.living().length === 0, 3_000);
  const living = stage.living();
  const rolesOf = (task) =>
    living
      .filter(({ id }) => id === task)
      .map(({ role }) => role)
      .toSorted((one, other) => other.localeCompare(one))
      .join(", ") || "none";
  const left = { "5a": rolesOf("node"), "5b": rolesOf("blocked"), "5c": rolesOf("program") };

  const before = stage.entries().length;
  await supervisor.start();
  await stage.up(before);
  const copies = () => Object.keys(tasks).map((id) => stage.leaders(id).length);
  await until(() => copies().every((count) => count === 1), 3_000);
  return { ...left, 6: copies().join(", ") };
}

async function blockLoop(stage) {
  const supervisor = await stage.start([{ id: "task", program: programs.blocks }]);
  return { 9: await noticed(stage, supervisor, "task", performance.now()) };
}

async function halt(stage) {
  const tasks = [
    { id: "node", program: programs.steady },
    { id: "program", program: programs.idle },
  ];
  const supervisor = await stage.start(tasks);
  for (const { id } of tasks) await healthy(stage, supervisor, id);
  const began = performance.now();
  for (const { pid } of stage.living()) kill(pid, "SIGSTOP");
  const [node, program] = await Promise.all(tasks.map(({ id }) => noticed(stage, supervisor, id, began)));
  return { "10a": node, "10b": program };
}

/** Whether the process of a task was ended, or is at least shown to be unwell. */
async function noticed(stage, supervisor, id, began) {
  const [{ pid }] = stage.leaders(id);
  const isGone = await until(() => !stage.isAlive(pid), began + 10_000 - performance.now());
  if (isGone) return `ended after ${((performance.now() - began) / 1000).toFixed(1)} s`;
  const shown = await supervisor.stateOf(id);
  return shown === stage.healthy ? `no; \`${shown}\`` : `\`${shown}\``;
}

async function healthy(stage, supervisor, id) {
  if (!(await until(async () => (await supervisor.stateOf(id)) === stage.healthy, 10_000)))
    throw new Error(`${id} is not shown ${stage.healthy}`);
}

async function neverReady(stage) {
  const supervisor = await stage.start([{ id: "task", program: programs.neverReady }]);
  await pause(5_000);
  return { 11: `\`${await supervisor.stateOf("task")}\`` };
}

async function stopMany(stage) {
  const supervisor = await stage.start(idleTasks(IDLE_TASKS));
  await healthy(stage, supervisor, `task${IDLE_TASKS - 1}`);
  const alive = new Set(stage.living().map(({ pid }) => pid));
  const began = performance.now();
  const [{ code }, gone] = await Promise.all([
    supervisor.stop(),
    until(() => ![...alive].some(stage.isAlive) && performance.now(), 40_000, 5),
  ]);
  if (code !== 0) return { 12: `exit code ${code}` };
  return { 12: gone ? `${Math.round(gone - began)} ms` : "not within 40 s" };
}

// Each is killed once: a second death is where a backoff would show.
async function replace(stage) {
  const tasks = idleTasks(KILLS);
  const supervisor = await stage.start(tasks);
  for (const { id } of tasks) await healthy(stage, supervisor, id);
  const times = [];
  for (const { id } of tasks) {
    const [{ pid }] = stage.leaders(id);
    const strangers = new Set(pids());
    // A supervisor's child looks like the supervisor until it runs the program.
    const isReplacement = (other) =>
      !strangers.has(other) && /^(sh|sleep)$/.test(wordsOf(other)[0] ?? "") && hasMark(other, stage.mark);
    const began = performance.now();
    kill(pid, "SIGKILL");
    const seen = await until(() => pids().some(isReplacement) && performance.now(), 20_000, 1);
    if (!seen) return { 13: "not within 20 s" };
    times.push(seen - began);
    await until(() => stage.leaders(id).length === 1, 5_000);
  }
  return { 13: `${Math.round(times.toSorted((one, other) => one - other)[Math.floor(KILLS / 2)])} ms` };
}

function idleTasks(count) {
  return Array.from({ length: count }, (_, index) => ({ id: `task${index}`, program: programs.idle }));
}
