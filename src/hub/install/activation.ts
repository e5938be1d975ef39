// Has a provider that runs take over what is on trial, and says of a new version that did not become ready why. The provider
// starts it beside the version before, and stops that one once the new one has proved good.
import { reasonOf, ZcontextError } from "../../errors.ts";
import { READY_MS } from "./bounds.ts";
import type { Activate } from "./install.ts";

/** What became of a task. */
interface AppliedTask {
  task: string;
  outcome?: "success" | "failure" | undefined;
  fault?: string | undefined;
}

/** Has the provider read its model again, and resolves once all is done. */
export type Apply = (timeoutMs: number) => Promise<{ tasks: readonly AppliedTask[] }>;

/** What stopping the version before takes besides. */
const MARGIN_MS = 15_000;

/** @param apply - Undefined where no provider runs: the next one takes over what is installed. */
export function activationBy(apply: Apply | undefined): { activate: Activate; restore(): Promise<void> } {
  if (apply === undefined) return { activate: async () => {}, restore: async () => {} };
  return {
    async activate({ step: { action, name, version } }) {
      const { tasks } = await apply(READY_MS + MARGIN_MS).catch((error: unknown) => {
        throw notReady(`${name} ${version}: ${reasonOf(error)}`, error);
      });
      const failed = tasks.find(({ task, outcome }) => task === name && outcome === "failure");
      if (failed !== undefined && action !== "remove")
        throw notReady(`${name} ${version}: ${failed.fault ?? "it has failed"}`);
    },
    async restore() {
      await apply(READY_MS + MARGIN_MS);
    },
  };
}

function notReady(message: string, cause?: unknown): ZcontextError {
  return new ZcontextError("ERR_INSTALL_NOT_READY", message, {
    hint: "`zcontext why` and `zcontext logs` have more; the version before runs, if there was one.",
    ...(cause !== undefined && { cause }),
  });
}
