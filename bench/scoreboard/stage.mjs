// A stage for one trial: one supervisor with its tasks, in its own folder and with its own mark.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { hasMark, kill, MARK, marked, sweep, until } from "./process-table.mjs";

const COMMAND_MS = 40_000;
const UP_MS = 20_000;

export function openStage({ root, mark, name, subject }) {
  const folder = join(root, name);
  const ownMark = `${mark}:${name}:`;
  const journal = join(folder, "journal");
  // Extra certificates slow down every start of Node.
  const { NODE_EXTRA_CA_CERTS, ...inherited } = process.env;
  const env = { ...inherited, [MARK]: ownMark, SCOREBOARD_JOURNAL: journal };
  mkdirSync(folder, { recursive: true });
  writeFileSync(journal, "");
  let tasks = [];
  let supervisor;

  const stage = {
    folder,
    mark: ownMark,
    healthy: subject.healthy,

    /** Starts the supervisor with these tasks, `{ id, program }`, and waits until all their processes are ready. */
    async start(wanted) {
      tasks = wanted;
      supervisor = await subject.prepare(stage, tasks);
      await supervisor.start();
      await stage.up(0);
      return supervisor;
    },

    /** Waits until every role of every task is in the journal, from the given entry on. */
    async up(from) {
      const missing = () => {
        const there = new Set(stage.entries(from).map(({ id, role }) => `${id} ${role}`));
        const wanted = tasks.flatMap(({ id, program }) => program.roles.map((role) => `${id} ${role}`));
        return wanted.filter((entry) => !there.has(entry));
      };
      await until(() => missing().length === 0 || !stage.isAlive(supervisor.pid), UP_MS);
      if (missing().length > 0) throw new Error(`not there: ${missing().join(", ")}\n${stage.lastWords()}`);
    },

    /** What the processes of the tasks have written, in order. */
    entries(from = 0) {
      const lines = readFileSync(journal, "utf8").split("\n").slice(from, -1);
      return lines.map((line) => {
        const [id, role, pid] = line.split(" ");
        return { id, role, pid: Number(pid) };
      });
    },

    /** When the last of them was written. */
    lastEntryMs: () => statSync(journal).mtimeMs,

    /** The processes of the tasks that the process table has; the supervisor's own are not among them. */
    living() {
      const alive = new Set(marked(ownMark));
      const entries = stage.entries().filter(({ pid, role }) => role !== "blocked" && alive.has(pid));
      return entries.filter(({ pid }, index) => entries.findIndex((entry) => entry.pid === pid) === index);
    },

    leaders: (id) => stage.living().filter((entry) => entry.role === "leader" && entry.id === id),

    /** What the supervisor has printed last. */
    lastWords() {
      const log = join(folder, "log");
      return existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").slice(-8).join("\n") : "";
    },

    isAlive: (pid) => hasMark(pid, ownMark),

    /** Runs a command until it exits. */
    async command(program, words, more = {}) {
      const child = spawn(program, words, { env: { ...env, ...more }, cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
      const late = setTimeout(() => child.kill("SIGKILL"), COMMAND_MS);
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, "close"),
      ]);
      clearTimeout(late);
      if (code === null) throw new Error(`${words.slice(0, 4).join(" ")} did not return within ${COMMAND_MS / 1000} s`);
      return { code, stdout, stderr };
    },

    /** Starts a process in its own session, so that Ctrl-C does not reach it. @returns its pid */
    async spawn(program, words) {
      const log = openSync(join(folder, "log"), "a");
      const child = spawn(program, words, { env, cwd: folder, stdio: ["ignore", log, log], detached: true });
      closeSync(log);
      await once(child, "spawn");
      child.unref();
      return child.pid;
    },

    /** Lets the supervisor end by itself, and kills what is left. */
    async end() {
      await supervisor?.end().catch((error) => console.error(`${name}: ${error.message}`));
      await sweep(ownMark);
      rmSync(folder, { recursive: true, force: true });
    },

    /** Asks a supervisor's process to end, and waits for that. */
    async terminate(pid) {
      if (!stage.isAlive(pid)) return;
      kill(pid, "SIGTERM");
      await until(() => !stage.isAlive(pid), 10_000);
    },
  };
  return stage;
}
