// Locks a file for as long as this process lives, against every process that sees the file: those of other containers, and
// with most network file systems those of other machines. Node has no call for it. `flock` (util-linux, busybox) locks
// what it inherits, and the lock stays with us when it has exited.
import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { runWithFile } from "./system-program.ts";

export type LockOutcome = { lock: AsyncDisposable } | { heldBy: string } | { fault: string };

const { O_CREAT, O_NONBLOCK, O_RDWR } = constants;
/** macOS locks at the call of open. */
const O_EXLOCK = 0x20;
const ON_OPEN = process.platform === "darwin" ? O_EXLOCK | O_NONBLOCK : 0;
/** The exit code of flock for a file that another process has locked. */
const HELD = 1;
/** A killed process keeps its lock until it is gone: so often it is tried, and how long apart, in milliseconds. */
const TRIES = 20;
const TRY_MS = 50;

/** Locks a file, which is made if need be; `heldBy` says which process has locked it, and `fault` why it can't be locked at all. */
export async function lockFile(path: string): Promise<LockOutcome> {
  for (let tries = 1; ; tries += 1) {
    const outcome = await tryLock(path).catch((error: NodeJS.ErrnoException) =>
      error.code === "EAGAIN" ? { heldBy: "another process" } : { fault: error.message },
    );
    if (!("heldBy" in outcome) || tries === TRIES) return outcome;
    await pause(TRY_MS);
  }
}

async function tryLock(path: string): Promise<LockOutcome> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, O_RDWR | O_CREAT | ON_OPEN, 0o644);
  try {
    const code = ON_OPEN === 0 ? await runWithFile("flock", ["-n", "3"], file.fd) : 0;
    if (code === 0) {
      await sign(file);
      return { lock: { [Symbol.asyncDispose]: () => file.close() } };
    }
    const heldBy = (await file.readFile("utf8")).trim() || "another process";
    await file.close();
    return code === HELD ? { heldBy } : { fault: `flock has exited with code ${code}` };
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
}

/** For processes that find it locked. */
async function sign(file: FileHandle): Promise<void> {
  await file.truncate(0);
  await file.write(`pid ${process.pid} on ${hostname()}\n`, 0);
}
