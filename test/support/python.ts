// Before the tests that start processes: `python3` is, from now on, a Python that can `import zmq`, by its own path. A version
// manager has a script in its place, of which each start takes longer than that of a provider.
import { spawnSync } from "node:child_process";
import { chmod } from "node:fs/promises";
import { makeFolder } from "./folder.ts";

const CANDIDATES = ["python3", "/usr/bin/python3"];

/** Puts a folder with this Python in front of PATH; answers what removes it. */
export default async function choosePython(): Promise<() => Promise<void>> {
  const python = CANDIDATES.map(executableOf).find((path) => path !== undefined);
  if (python === undefined) {
    process.stderr.write("no Python here can `import zmq`, which some tests need: apt-get install python3-zmq\n");
    return async () => {};
  }
  const folder = await makeFolder();
  // No link, for a virtual environment is found by the path that its Python was started with.
  await chmod(await folder.write("python3", `#!/bin/sh\nexec '${python}' "$@"\n`), 0o755);
  process.env.PATH = `${folder.path}:${process.env.PATH ?? ""}`;
  return async () => folder[Symbol.asyncDispose]();
}

function executableOf(candidate: string): string | undefined {
  const { status, stdout } = spawnSync(candidate, ["-c", "import sys, zmq; print(sys.executable)"], {
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim() : undefined;
}
