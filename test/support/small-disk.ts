// A disk of a few MiB for a server that a test starts: a file system in memory, in a namespace that ends with the test.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { makeFolder } from "./folder.ts";
import { HERE, type ServerPlace } from "./machines.ts";

export interface SmallDisk extends AsyncDisposable {
  /** Where a server has it. */
  readonly place: ServerPlace;
  readonly path: string;
  /** Gives it so many MiB. What is on it stays. */
  resize(mib: number): void;
}

const UNSHARE = ["--map-root-user", "--mount"];
const MOUNT = 'mount -t tmpfs -o size="$0"m none "$1" && echo ready && exec cat';

/** Whether this system lets us have one. */
export function hasSmallDisks(): boolean {
  return spawnSync("unshare", [...UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;
}

export async function startSmallDisk(mib: number): Promise<SmallDisk> {
  const folder = await makeFolder();
  // It holds the namespace, until nothing is written to it any more.
  const holder = spawn("unshare", [...UNSHARE, "sh", "-c", MOUNT, String(mib), folder.path], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  const through = ["nsenter", "--preserve-credentials", "--user", "--mount", "--target", String(holder.pid)];
  return {
    ...{ place: { ...HERE, through }, path: folder.path },
    resize(size) {
      const [program = "", ...words] = [...through, "mount", "-o", `remount,size=${size}m`, folder.path];
      const { status, stderr } = spawnSync(program, words, { encoding: "utf8" });
      if (status !== 0) throw new Error(stderr);
    },
    async [Symbol.asyncDispose]() {
      const ended = once(holder, "exit");
      holder.stdin.end();
      await ended;
      await folder[Symbol.asyncDispose]();
    },
  };
}
