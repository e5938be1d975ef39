import { ZcontextError } from "../errors.ts";

/** Why a file can't be written to. Whether anything was written before is known only to the command that meets it. */
export class TargetRefusal extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** The error for a command that has met a refusal and left everything as it was; other errors are returned as they are. */
export function untouchedError(error: unknown): unknown {
  if (!(error instanceof TargetRefusal)) return error;
  const { message, hint } = error;
  return new ZcontextError("ERR_TARGET_REFUSED", `${message}; nothing was written`, { hint });
}
