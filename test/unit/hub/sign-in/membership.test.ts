import { describe, expect, test } from "vitest";
import { ZcontextError } from "../../../../src/errors.ts";
import type { StepOutcome } from "../../../../src/hub/install/install.ts";
import { type MembershipHands, startMembership } from "../../../../src/hub/sign-in/membership.ts";
import type { JsonObject } from "../../../../src/protocol/json.ts";

const ANSWER = { manifest: "manifest.json", com: { node: "box1" } };
const OPTIONS = { periodMs: 3_600_000, backoffMs: [1, 1] as const, random: () => 0.5 };
const step = (action: StepOutcome["step"]["action"], error?: ZcontextError): StepOutcome => ({
  step: { action, name: "thermometer", version: "1.0.0", reason: "of the test" },
  ...(error && { error }),
});

/** Hands that keep what was done with them; `given` replaces some. */
function recordingHands(given: Partial<MembershipHands> = {}) {
  const done: string[] = [];
  const kept: JsonObject[] = [];
  const warned: string[] = [];
  const hands: MembershipHands = {
    async signIn() {
      done.push("sign in");
      return ANSWER;
    },
    async install(manifest, isAsked) {
      done.push(`install ${manifest}${isAsked ? ", asked" : ""}`);
      return [];
    },
    async keep(com) {
      kept.push(com);
    },
    warn: (line) => warned.push(line),
    ...given,
  };
  return { hands, done, kept, warned };
}

describe("a membership", () => {
  test("signs in and installs at once, and again when it is asked", async () => {
    const { hands, done, kept } = recordingHands();
    const membership = startMembership(hands, OPTIONS);

    await membership.update();
    await membership.close();

    expect(done).toEqual(["sign in", "install manifest.json", "sign in", "install manifest.json, asked"]);
    expect(kept).toEqual([ANSWER.com, ANSWER.com]);
  });

  test("tells the hub what is installed once something was", async () => {
    const { hands, done } = recordingHands({
      install: async (_, isAsked) => (isAsked ? [step("update"), step("keep")] : []),
    });
    const membership = startMembership(hands, OPTIONS);

    expect(await membership.update()).toHaveLength(2);
    await membership.close();

    expect(done).toEqual(["sign in", "sign in", "sign in"]);
  });

  test.each([
    ["was kept", step("keep")],
    ["was rolled back", step("update", new ZcontextError("ERR_INSTALL_NOT_READY", "of the test"))],
  ])("does not sign in once more for a service that %s", async (_, outcome) => {
    const { hands, done } = recordingHands({ install: async () => [outcome] });
    const membership = startMembership(hands, OPTIONS);

    await membership.update();
    await membership.close();

    expect(done).toEqual(["sign in", "sign in"]);
  });

  test("tries until the hub answers, and says each reason once", async () => {
    const reasons = ["refused", "refused", "lost", "lost", "lost"];
    let tellInstalled = () => {};
    const installed = new Promise<void>((resolve) => {
      tellInstalled = resolve;
    });
    const { hands, warned } = recordingHands({
      async signIn() {
        const reason = reasons.shift();
        if (reason !== undefined) throw new ZcontextError("ERR_SIGN_IN", reason, { hint: "Wait." });
        return ANSWER;
      },
      async install() {
        tellInstalled();
        return [];
      },
    });
    const membership = startMembership(hands, OPTIONS);

    await installed;
    await membership.close();

    expect(warned).toEqual(["refused (ERR_SIGN_IN) - Wait.", "lost (ERR_SIGN_IN) - Wait."]);
  });

  test("rejects an update that failed with what it failed with", async () => {
    const error = new ZcontextError("ERR_INSTALL_SIGNATURE", "of the test");
    const membership = startMembership(recordingHands({ install: () => Promise.reject(error) }).hands, OPTIONS);

    await expect(membership.update()).rejects.toBe(error);
    await membership.close();
  });

  test("installs one manifest at a time", async () => {
    let running = 0;
    let most = 0;
    const { hands } = recordingHands({
      async install() {
        most = Math.max(most, ++running);
        await Promise.resolve();
        running--;
        return [];
      },
    });
    const membership = startMembership(hands, OPTIONS);

    await Promise.all([membership.update(), membership.update()]);
    await membership.close();

    expect(most).toBe(1);
  });
});
