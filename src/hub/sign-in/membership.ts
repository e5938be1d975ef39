// Keeps a node signed in at its hub: signs in, after ever longer waits while that fails, installs what the manifest says, and
// does both again each period and whenever it is asked. One sign-in runs at a time.
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf, ZcontextError } from "../../errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { SignInAnswer } from "../contract/sign-in.ts";
import type { StepOutcome } from "../install/install.ts";
import type { StepAction } from "../install/plan.ts";

export interface MembershipHands {
  /** @throws {ZcontextError} What says why it was not possible. */
  signIn(): Promise<SignInAnswer>;
  /**
   * Installs what a manifest says.
   *
   * @param isAsked - Also a manifest that was tried before.
   * @returns What was done; empty where there was nothing to do.
   * @throws {ZcontextError} The whole manifest is refused, or can't be had.
   */
  install(manifest: string, isAsked: boolean): Promise<readonly StepOutcome[]>;
  /** Keeps what the hub says of Com. */
  keep(com: JsonObject): Promise<void>;
  warn(line: string): void;
}

export interface MembershipOptions {
  periodMs: number;
  /** The first and the longest wait after one that failed, in milliseconds. Default: 500 and 300_000. */
  backoffMs?: readonly [first: number, longest: number];
  /** Between 0 and 1, from chance. */
  random?(): number;
}

export interface Membership {
  /** Signs in and installs now; resolves with what was done. @throws What `signIn` and `install` throw. */
  update(): Promise<readonly StepOutcome[]>;
  /** Resolves when what is under way is done. */
  close(): Promise<void>;
}

const CHANGES: ReadonlySet<StepAction> = new Set(["install", "update", "remove"]);
/** Waits are spread by this part of themselves, so that a fleet does not come back at once. */
const JITTER = 0.2;

export function startMembership(hands: MembershipHands, options: MembershipOptions): Membership {
  const { periodMs, backoffMs: [firstMs, longestMs] = [500, 300_000], random = Math.random } = options;
  const closing = new AbortController();
  let work: Promise<unknown> = Promise.resolve();
  const whole = loop();

  async function once(isAsked: boolean): Promise<readonly StepOutcome[]> {
    const { manifest, com } = await hands.signIn();
    await hands.keep(com);
    const outcomes = await hands.install(manifest, isAsked);
    // The hub shows what a node has said of its services.
    if (outcomes.some(({ step, error }) => error === undefined && CHANGES.has(step.action)))
      await hands.signIn().catch(() => {});
    return outcomes;
  }

  function inTurn(isAsked: boolean): Promise<readonly StepOutcome[]> {
    const turn = work.then(() => once(isAsked));
    work = turn.catch(() => {});
    return turn;
  }

  async function loop(): Promise<void> {
    let complaint = "";
    for (let waitMs = firstMs; !closing.signal.aborted; ) {
      const outcome = await inTurn(false).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (closing.signal.aborted) return;
      const mayPass = outcome !== undefined && isPassing(outcome);
      // Once for each reason, however often it is tried.
      if (outcome !== undefined && reasonOf(outcome) !== complaint) hands.warn(saying(outcome));
      complaint = outcome === undefined ? "" : reasonOf(outcome);
      const nextMs = mayPass ? waitMs : periodMs;
      waitMs = mayPass ? Math.min(2 * waitMs, longestMs) : firstMs;
      const spreadMs = nextMs * (1 + JITTER * (2 * random() - 1));
      await pause(spreadMs, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  return {
    update: () => inTurn(true),
    async close() {
      closing.abort();
      await whole;
      await work;
    },
  };
}

/** Whether another try may help by itself; what is signed wrongly stays so until the hub publishes again. */
function isPassing(error: unknown): boolean {
  return !(error instanceof ZcontextError) || PASSING.has(error.code);
}

const PASSING: ReadonlySet<string> = new Set(["ERR_SIGN_IN", "ERR_INSTALL_DOWNLOAD", "ERR_STATE_UNWRITABLE"]);

function saying(error: unknown): string {
  const { code, hint } = error instanceof ZcontextError ? error : { code: undefined, hint: undefined };
  return [reasonOf(error), code && `(${code})`, hint && `- ${hint}`].filter((part) => part).join(" ");
}
