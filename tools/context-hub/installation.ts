// `context-hub plan` and `context-hub install`: what a manifest changes at the node whose state folder this is.
import { hostname } from "node:os";
import { ZcontextError } from "../../src/errors.ts";
import { type Apply, activationBy } from "../../src/hub/install/activation.ts";
import { installFrom, type PlanOptions, planFrom, type StepOutcome } from "../../src/hub/install/install.ts";
import { loadPublicKey } from "../../src/hub/install/pinned-key.ts";
import type { Step } from "../../src/hub/install/plan.ts";
import { openStore, storeFolderOf } from "../../src/hub/install/store.ts";
import { stateDirOf } from "../../src/launch/environment/state-folder.ts";
import { findPresence } from "../../src/presence/search.ts";
import { columns } from "../columns.ts";
import { assertFile } from "../context-file.ts";
import { answer, answerJson, EXIT, printError, say } from "../print.ts";

export interface InstallOptions {
  from: string;
  key: string;
  context_file?: string;
  state_dir?: string;
  node?: string;
  tags: string[];
  dry_run?: boolean;
  json?: boolean;
}

export async function plan(options: InstallOptions): Promise<number> {
  const { manifest, steps } = await planFrom(await planOptions(options));
  const { catalogVersion, expires } = manifest;
  if (options.json) answerJson({ catalogVersion, expires, steps: steps.map(shownStep) });
  else printSteps(steps.map((step) => ({ step })));
  return EXIT.done;
}

export async function install(options: InstallOptions): Promise<number> {
  const planned = await planOptions(options);
  await using store = await openStore(planned.store);
  await using provider = await openProvider(options.context_file);
  if (provider === undefined && !options.json)
    say("no provider of the file runs: the next one takes over what is installed, untried");
  const outcomes = await installFrom({ ...planned, store, ...activationBy(provider?.apply) });
  const failed = outcomes.filter(({ error }) => error !== undefined);
  if (options.json)
    answerJson({
      result: failed.length === 0 ? "success" : "failure",
      steps: outcomes.map(({ step, error }) => ({
        ...shownStep(step),
        result: error === undefined ? "success" : "failure",
        ...(error && { code: error.code, fault: error.message }),
      })),
    });
  else {
    printSteps(outcomes);
    for (const { error } of failed) printError(error);
  }
  if (failed.length === 0) return EXIT.done;
  return failed.length < outcomes.length ? EXIT.partly : EXIT.failed;
}

/** The provider of the file; undefined where none runs. */
async function openProvider(file: string | undefined) {
  const presence = file === undefined ? undefined : await findPresence(file);
  if (presence?.endpoints === undefined) return undefined;
  const { connectContext } = await import("../../src/context/client/client.ts");
  const client = await connectContext(presence.endpoints, file === undefined ? {} : { contextFile: file });
  const apply: Apply = (timeoutMs) => client.apply({ timeoutMs });
  return { apply, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
}

async function planOptions({ from, key, node = hostname(), tags, ...options }: InstallOptions): Promise<PlanOptions> {
  const stateDir = await stateFolder(options);
  const names = [...new Set([node, hostname()])];
  return {
    from,
    key: await loadPublicKey(key),
    store: storeFolderOf(stateDir),
    node: { names, tags },
    nowMs: Date.now(),
  };
}

async function stateFolder({ context_file, state_dir }: Pick<InstallOptions, "context_file" | "state_dir">) {
  if (state_dir !== undefined) return state_dir;
  if (context_file === undefined)
    throw new ZcontextError("ERR_USAGE", "expected --context_file FILE or --state_dir DIR");
  await assertFile(context_file);
  return stateDirOf(context_file);
}

function shownStep({ action, name, version, reason }: Step) {
  return { action, name, version, reason };
}

function printSteps(outcomes: readonly StepOutcome[]): void {
  if (outcomes.length === 0) return answer("nothing to do: the manifest has no services");
  const rows = outcomes.map(({ step: { action, name, version, reason }, error }) => [
    ...[name, version, action, error === undefined ? reason : `failed: ${error.code}`],
  ]);
  answer(columns(["SERVICE", "VERSION", "ACTION", "REASON"], rows));
}
