// Entry of a process that only loads the module of a service, to find out whether a task could run it. What it has found
// goes to file descriptor 3, as a line of JSON.
import { writeSync } from "node:fs";
import { reasonOf } from "../errors.ts";
import { loadService } from "./load-service.ts";

const [module = "", instance = ""] = process.argv.slice(2);

loadService({ module, instance })
  .then((loaded) => tell("reason" in loaded ? { reason: loaded.reason } : {}))
  .catch((error: unknown) => tell({ reason: reasonOf(error) }));

/** Ends this process and all that the module has started. */
function tell(found: { reason?: string }): void {
  writeSync(3, `${JSON.stringify(found)}\n`);
  process.kill(-process.pid, "SIGKILL");
}
