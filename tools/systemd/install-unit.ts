// What `install-unit` does: writes the systemd unit of a context file, or prints it, and says what to do next.
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { longestStopMs } from "../../src/context/transaction/dependencies.ts";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { readContextFile } from "../context-file.ts";
import { answer, answerJson, EXIT, say } from "../print.ts";
import { runToEnd } from "../programs.ts";
import { type Scope, UNIT_MARK, unitNameOf, unitText } from "./unit.ts";

/** The options that it takes; see `--help`. */
export interface UnitOptions {
  print?: true;
  user?: true;
  system?: true;
  run_as?: string;
  name?: string;
  force?: true;
  json?: true;
}

/** How long a program of systemd may take, in milliseconds. */
const SYSTEMD_MS = 30_000;

/**
 * Writes or prints the unit; answers the exit code.
 *
 * @param program - The path of `service-context`.
 * @param words - Options of the provider.
 */
export async function installUnit(
  file: string,
  options: UnitOptions,
  { program, words }: { program: string; words: readonly string[] },
): Promise<number> {
  const { tasks, supervision } = await readContextFile(file);
  const scope = scopeOf(options);
  const name = options.name === undefined ? unitNameOf(file) : unitNameOf(`${options.name}.xml`);
  const user = options.run_as;
  if (user !== undefined && scope === "user")
    throw usage("--run_as requires --system: a unit of a user runs as that user");
  const text = unitText({
    scope,
    file: resolve(file),
    command: [process.execPath, program, resolve(file), "--start", ...words],
    folder: process.cwd(),
    path: process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin",
    stopMs: Math.max(longestStopMs(tasks), supervision.graceMs),
    ...(user === undefined ? {} : { user }),
  });
  warnOfNpx(program);
  await verify(name, text, scope);
  if (options.print) {
    if (options.json) answerJson({ unit: name, scope, text });
    else answer(text.trimEnd());
    return EXIT.done;
  }
  const path = join(folderOf(scope), name);
  await write(path, text, options.force);
  const isLoaded = await reload(scope);
  if (options.json) answerJson({ unit: name, scope, path });
  else answer(path);
  for (const line of nextSteps(name, scope, isLoaded)) say(line);
  return EXIT.done;
}

function scopeOf({ user, system }: UnitOptions): Scope {
  if (user) return "user";
  return system || process.getuid?.() === 0 ? "system" : "user";
}

function folderOf(scope: Scope): string {
  if (scope === "system") return "/etc/systemd/system";
  return join(process.env.XDG_CONFIG_HOME || join(homedir(), ".config"), "systemd", "user");
}

function usage(reason: string): ZcontextError {
  return new ZcontextError("ERR_USAGE", reason, { hint: "`service-context install-unit --help` lists the options." });
}

function warnOfNpx(program: string): void {
  if (!program.includes("/_npx/")) return;
  say(
    `warning: ${program} is in the cache of npx, which npm may empty; install zcontext in the project, or with npm install -g`,
  );
}

/** Has systemd read the unit, where it is installed. */
async function verify(name: string, text: string, scope: Scope): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zcontext-unit-"));
  try {
    const path = join(folder, name);
    await writeFile(path, text);
    const { code, stderr, isMissing } = await runToEnd("systemd-analyze", ["verify", "--man=no", `--${scope}`, path], {
      timeoutMs: SYSTEMD_MS,
      // Where no session of the user has a folder, any does.
      env: { XDG_RUNTIME_DIR: folder, ...process.env },
    });
    if (isMissing) return say("warning: systemd-analyze is not installed, so the unit has not been verified");
    const about = stderr.split("\n").filter((line) => line.includes(name));
    if (code === 0 && about.length === 0) return;
    if (about.length > 0)
      for (const line of about) say(`warning: systemd-analyze: ${line.replaceAll(`${folder}/`, "")}`);
    else say(`warning: systemd-analyze could not verify the unit: ${stderr.trim()}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function write(path: string, text: string, force: true | undefined): Promise<void> {
  const before = await readFile(path, "utf8").catch(() => undefined);
  if (before !== undefined && !before.startsWith(UNIT_MARK) && !force)
    throw new ZcontextError("ERR_TARGET_REFUSED", `${path} is there, and was not written by install-unit`, {
      hint: "Name another unit with --name, or replace it with --force.",
    });
  try {
    await mkdir(dirname(path), { recursive: true });
    const draft = `${path}.${process.pid}`;
    await writeFile(draft, text, { flag: "wx" });
    await rename(draft, path);
  } catch (error) {
    throw new ZcontextError("ERR_TARGET_REFUSED", `cannot write ${path}: ${reasonOf(error)}`, {
      hint: "Units of the machine are written by root. --user writes one of yours, --print only prints it.",
      cause: error,
    });
  }
}

/** Whether systemd runs, and knows the unit now. */
async function reload(scope: Scope): Promise<boolean> {
  if (!existsSync("/run/systemd/system")) return false;
  const { code, stderr } = await runToEnd("systemctl", [`--${scope}`, "daemon-reload"], { timeoutMs: SYSTEMD_MS });
  if (code !== 0) say(`warning: systemctl daemon-reload: ${stderr.trim()}`);
  return code === 0;
}

function nextSteps(name: string, scope: Scope, isLoaded: boolean): string[] {
  const systemctl = scope === "user" ? "systemctl --user" : "systemctl";
  const steps = [
    ...(isLoaded ? [] : [`${systemctl} daemon-reload`]),
    `${systemctl} enable --now ${name}   # starts it now, and at each boot`,
    `${systemctl} status ${name}`,
    ...(scope === "user"
      ? [`loginctl enable-linger ${userInfo().username}   # or it ends with your last session`]
      : []),
  ];
  const title = isLoaded ? "next:" : "next, where systemd runs:";
  return [title, ...steps.map((step) => `  ${step}`)];
}
