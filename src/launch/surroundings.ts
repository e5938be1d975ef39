// What a process of a task finds around itself, read before every spawn: its variables, and who it runs as.
import type { TaskServiceConfig } from "../config/context-config.ts";
import { INSTANCE_NUMBER } from "../protocol/environment.ts";
import { readEnvironment } from "./environment/task-environment.ts";
import { type Account, findAccount } from "./process/account.ts";

export interface Surroundings {
  /** Variables in addition to the provider's own. */
  environment: Readonly<Record<string, string>>;
  /** Who its processes run as; default: who the provider does. */
  account?: Account | undefined;
}

/**
 * Reads what a context file says of the surroundings of a task; its own variables win over those of its user.
 *
 * @param folder - Of the context file.
 * @throws {ZcontextError} `ERR_ENVIRONMENT_INVALID`, as `readEnvironment` and `findAccount` do.
 */
export async function readSurroundings(
  { supervision, instanceOf }: Pick<TaskServiceConfig, "supervision" | "instanceOf">,
  folder: string,
): Promise<Surroundings & { environment: Record<string, string> }> {
  const own = await readEnvironment(supervision, folder);
  const { account, environment: ofUser } = await findAccount(supervision);
  const number = instanceOf === undefined ? {} : { [INSTANCE_NUMBER]: `${instanceOf.number}` };
  return { account, environment: { ...ofUser, ...own, ...number } };
}
