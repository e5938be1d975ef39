// Entry of a process that only loads the module of a service, to find out whether a task could run it. What it has found
// goes to file descriptor 3, as a line of JSON: the reason why not, or whether the task has streams. These depend on the
// configuration of a task; where one is given, they are made as well, and consume nothing.
import { writeSync } from "node:fs";
import { reasonOf } from "../errors.ts";
import type { Service } from "./define.ts";
import { loadService } from "./load-service.ts";

const [module = "", instance = ""] = process.argv.slice(2);
const { ZCONTEXT_CONFIGURATION: configuration } = process.env;

loadService({ module, instance })
  .then(async (loaded) => tell("reason" in loaded ? { reason: loaded.reason } : await streamsIn(loaded)))
  .catch((error: unknown) => tell({ reason: reasonOf(error) }));

async function streamsIn({ task }: Service): Promise<{ streams: boolean }> {
  if (task.streams !== undefined && configuration !== undefined) {
    const { assertStreams } = await import("./handlers/streams.ts");
    assertStreams(task, JSON.parse(configuration));
  }
  return { streams: task.streams !== undefined };
}

/** Ends this process and all that the module has started. */
function tell(found: { reason?: string; streams?: boolean }): void {
  writeSync(3, `${JSON.stringify(found)}\n`);
  process.kill(-process.pid, "SIGKILL");
}
