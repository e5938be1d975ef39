// `zcontext list`: the contexts that run on this machine, as their providers say.
import { findRunning } from "../../src/presence/search.ts";
import { asAscii } from "../../src/protocol/json.ts";
import { columns } from "../columns.ts";
import { answer, EXIT, say } from "../print.ts";

/** Prints the providers of this user; returns the exit code. */
export async function listRunning({ json }: { json?: true }): Promise<number> {
  const { providers, silent } = await findRunning();
  const shown = providers.map(({ file, presence: { pid, contextId, endpoints, tasks = [] } }) => ({
    ...{ file, pid, context: contextId, tasks: tasks.length },
    ...endpoints,
  }));
  if (json) for (const provider of shown) answer(asAscii(JSON.stringify(provider)));
  else if (shown.length > 0) {
    const rows = shown.map(({ file, pid, context, tasks }) => [file, `${pid}`, context, `${tasks}`]);
    answer(columns(["FILE", "PID", "CONTEXT", "TASKS"], rows));
  }
  if (silent > 0) say(`warning: ${silent} that ${silent === 1 ? "does" : "do"} not answer`);
  if (shown.length + silent === 0) say("no provider of this user runs on this machine");
  return EXIT.done;
}
