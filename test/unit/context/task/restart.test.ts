import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_SUPERVISION, RESTART_POLICIES, type Supervision } from "../../../../src/config/context-config.ts";
import {
  decideRestart,
  type RestartMemory,
  spent,
  untried,
  wantsRestart,
} from "../../../../src/context/task/restart.ts";

const S = 1_000;
/** Exactly in the middle of what the jitter allows. */
const NO_JITTER = 0.5;

const supervision = (but: Partial<Supervision> = {}): Supervision => ({ ...DEFAULT_SUPERVISION, ...but });

/** What becomes of a task that ends by itself after each of these times, on a clock that begins anywhere. */
function courseOf(
  rans: readonly number[],
  { rules = supervision(), random = () => NO_JITTER }: { rules?: Supervision; random?: () => number } = {},
): { waits: number[]; refusal: string | undefined; ends: number[]; memory: RestartMemory; nowMs: number } {
  let nowMs = 1_000_000;
  let memory = untried;
  const waits: number[] = [];
  const ends: number[] = [];
  for (const ranMs of rans) {
    nowMs += ranMs;
    ends.push(nowMs);
    const judged = decideRestart(memory, { nowMs, ranMs }, rules, random());
    memory = judged.memory;
    if ("refusal" in judged.decision) return { waits, refusal: judged.decision.refusal, ends, memory, nowMs };
    waits.push(judged.decision.delayMs);
    nowMs += judged.decision.delayMs;
  }
  return { waits, refusal: undefined, ends, memory, nowMs };
}

const always = (ranMs: number, times: number) => Array<number>(times).fill(ranMs);
const rounded = (waits: readonly number[]) => waits.map((waitMs) => Math.round(waitMs));

describe("the policy", () => {
  const [failure, success] = [
    { hasFailed: true, code: 1 },
    { hasFailed: false, code: 0 },
  ];

  test.each([
    ["never", false, false],
    ["on-failure", true, false],
    ["always", true, true],
  ] as const)("%s: after a failure %s, after a good end %s", (restart, afterFailure, afterSuccess) => {
    expect(wantsRestart(supervision({ restart }), failure)).toBe(afterFailure);
    expect(wantsRestart(supervision({ restart }), success)).toBe(afterSuccess);
  });

  test("is never, where the file says nothing", () => {
    expect(wantsRestart(supervision(), failure)).toBe(false);
  });

  test("wants a run again that a signal has ended, since a signal is no code", () => {
    const rules = supervision({ restart: "on-failure", noRestartCodes: [0, 1, 143] });

    expect(wantsRestart(rules, { hasFailed: true, code: null })).toBe(true);
  });

  test.each(RESTART_POLICIES)("%s wants no run again that ends with a code of no_restart_codes", (restart) => {
    const rules = supervision({ restart, noRestartCodes: [0, 78] });

    expect(wantsRestart(rules, { hasFailed: true, code: 78 })).toBe(false);
    expect(wantsRestart(rules, { hasFailed: false, code: 0 })).toBe(false);
  });

  test("goes by the failure, not by the code: what the task has said of itself counts as well", () => {
    expect(wantsRestart(supervision({ restart: "on-failure" }), { hasFailed: true, code: 0 })).toBe(true);
    expect(wantsRestart(supervision({ restart: "on-failure" }), { hasFailed: false, code: 3 })).toBe(false);
  });
});

describe("the wait before a restart", () => {
  test.each([
    ["shortest", 0, [400, 800, 1_600, 3_200, 6_400]],
    ["middle", 0.5, [500, 1_000, 2_000, 4_000, 8_000]],
    ["longest", 1, [600, 1_200, 2_400, 4_800, 9_600]],
  ] as const)("doubles from half a second on, at its %s", (_, dice, waits) => {
    expect(rounded(courseOf(always(0, 5), { random: () => dice }).waits)).toEqual(waits);
  });

  test("never gets longer than the longest, but for the jitter", () => {
    const rules = supervision({ maxRestarts: 1_000, backoffMinMs: 100, backoffMaxMs: 1_500 });

    expect(rounded(courseOf(always(0, 8), { rules }).waits)).toEqual([100, 200, 400, 800, 1_500, 1_500, 1_500, 1_500]);
    expect(rounded(courseOf(always(0, 8), { rules, random: () => 1 }).waits).at(-1)).toBe(1_800);
  });

  test("begins anew once the task has run for 60 s", () => {
    const { waits } = courseOf([0, 0, 60 * S, 0]);

    expect(rounded(waits)).toEqual([500, 1_000, 500, 1_000]);
  });

  test("does not begin anew a moment before", () => {
    expect(rounded(courseOf([0, 0, 60 * S - 1]).waits)).toEqual([500, 1_000, 2_000]);
  });

  test("is a number of milliseconds, however long the task has been failing", () => {
    const rules = supervision({ onLimit: "keep-trying" });

    expect(courseOf(always(0, 3_000), { rules }).waits.at(-1)).toBe(30 * S);
  });
});

describe("the restart intensity", () => {
  test.each([
    ["at once", 0],
    ["after 1.5 s", 1.5 * S],
  ])("gives a task that exits %s 5 restarts, and then refuses", (_, ranMs) => {
    const { waits, refusal } = courseOf(always(ranMs, 20));

    expect(waits).toHaveLength(5);
    expect(refusal).toBe("it has ended more than 5 times within 60 s");
  });

  test("lets a task that exits after 20 s go on for ever, at growing waits", () => {
    const { waits, refusal } = courseOf(always(20 * S, 500));

    expect(refusal).toBeUndefined();
    expect(rounded(waits.slice(0, 8))).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(new Set(rounded(waits.slice(6)))).toEqual(new Set([30_000]));
  });

  test("of 0 refuses the first restart", () => {
    expect(courseOf([10 * S], { rules: supervision({ maxRestarts: 0 }) })).toMatchObject({
      waits: [],
      refusal: "max_restarts is 0",
    });
  });

  test("names the numbers of the file", () => {
    const rules = supervision({ maxRestarts: 2, periodMs: 2_500 });

    expect(courseOf(always(0, 9), { rules }).refusal).toBe("it has ended more than 2 times within 2.5 s");
  });

  test("forgets an end exactly a period later", () => {
    const rules = supervision({ maxRestarts: 1, periodMs: 10 * S });
    const { memory } = decideRestart(untried, { nowMs: 5 * S, ranMs: 0 }, rules, NO_JITTER);

    expect(decideRestart(memory, { nowMs: 15 * S - 1, ranMs: 0 }, rules, NO_JITTER).decision).toHaveProperty("refusal");
    expect(decideRestart(memory, { nowMs: 15 * S, ranMs: 0 }, rules, NO_JITTER).decision).toHaveProperty("delayMs");
  });

  test("counts fast and slow ends alike, also after a run long enough to reset the waits", () => {
    const rules = supervision({ maxRestarts: 2, periodMs: 600 * S });

    expect(courseOf([0, 61 * S, 61 * S, 61 * S], { rules })).toMatchObject({ refusal: expect.any(String) });
  });

  test("with keep-trying goes on at the longest wait", () => {
    const { waits, refusal } = courseOf(always(0, 40), { rules: supervision({ onLimit: "keep-trying" }) });

    expect(refusal).toBeUndefined();
    expect(rounded(waits.slice(0, 7))).toEqual([500, 1_000, 2_000, 4_000, 8_000, 30_000, 30_000]);
  });

  test("with keep-trying leaves the longest wait again once the ends are fewer", () => {
    const rules = supervision({ onLimit: "keep-trying" });

    expect(rounded(courseOf([...always(0, 7), 61 * S, 0], { rules }).waits).slice(5)).toEqual([
      30_000, 30_000, 500, 1_000,
    ]);
  });
});

describe("a task is spent", () => {
  const refusal = "it has ended more than 5 times within 60 s";

  test("once a restart was refused, and not before", () => {
    const { memory, nowMs } = courseOf(always(0, 5));

    expect(spent(memory, supervision(), nowMs)).toBeUndefined();
    expect(spent(courseOf(always(0, 6)).memory, supervision(), nowMs)).toBe(refusal);
  });

  test("until its ends are a period old", () => {
    const { memory, ends } = courseOf(always(0, 6));
    const [first = 0] = ends;

    expect(spent(memory, supervision(), first + 60 * S - 1)).toBe(refusal);
    expect(spent(memory, supervision(), first + 60 * S)).toBeUndefined();
  });

  test("never with keep-trying", () => {
    const rules = supervision({ onLimit: "keep-trying" });
    const { memory, nowMs } = courseOf(always(0, 50), { rules });

    expect(spent(memory, rules, nowMs)).toBeUndefined();
  });

  test("no more when nobody remembers its ends", () => {
    expect(spent(untried, supervision({ maxRestarts: 0 }), 0)).toBeUndefined();
  });
});

test("judging leaves the memory it judged by as it was", () => {
  const { memory } = courseOf(always(0, 3));
  const before = structuredClone(memory);

  decideRestart(memory, { nowMs: 2_000_000, ranMs: 0 }, supervision(), NO_JITTER);

  expect(memory).toEqual(before);
});

describe("whatever a file says and however a task ends", () => {
  const rules = fc
    .record({
      maxRestarts: fc.nat(12),
      periodMs: fc.integer({ min: 1_000, max: 120_000 }),
      backoffMinMs: fc.integer({ min: 10, max: 20_000 }),
      longer: fc.nat(60_000),
      onLimit: fc.constantFrom("fail", "keep-trying"),
    })
    .map(({ longer, ...but }) => supervision({ ...but, backoffMaxMs: but.backoffMinMs + longer }));
  const rans = fc.array(fc.oneof(fc.constant(0), fc.nat(2_000), fc.nat(90_000)), { maxLength: 80, size: "max" });
  const dice = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }));

  /** A course in which somebody starts the task again after each refusal, without clearing its memory. */
  function coursesOf(rules: Supervision, rans: readonly number[], dice: Iterator<number>) {
    let nowMs = 0;
    let memory = untried;
    return rans.map((ranMs) => {
      nowMs += ranMs;
      const endedMs = nowMs;
      const judged = decideRestart(memory, { nowMs, ranMs }, rules, dice.next().value as number);
      memory = judged.memory;
      const delayMs = "delayMs" in judged.decision ? judged.decision.delayMs : undefined;
      nowMs += delayMs ?? 0;
      return { endedMs, delayMs, memory };
    });
  }

  test("no period has more ends that a restart follows than max_restarts", () => {
    fc.assert(
      fc.property(rules, rans, dice, (rules, rans, dice) => {
        fc.pre(rules.onLimit === "fail");
        const followed = coursesOf(rules, rans, dice)
          .filter(({ delayMs }) => delayMs !== undefined)
          .map(({ endedMs }) => endedMs);

        for (const at of followed)
          expect(followed.filter((other) => other > at - rules.periodMs && other <= at).length).toBeLessThanOrEqual(
            rules.maxRestarts,
          );
      }),
    );
  });

  test("every wait lies between the first and the longest, give or take the jitter", () => {
    fc.assert(
      fc.property(rules, rans, dice, (rules, rans, dice) => {
        const slack = 1e-9;
        for (const { delayMs } of coursesOf(rules, rans, dice)) {
          if (delayMs === undefined) continue;
          expect(delayMs).toBeGreaterThanOrEqual(rules.backoffMinMs * 0.8 * (1 - slack));
          expect(delayMs).toBeLessThanOrEqual(rules.backoffMaxMs * 1.2 * (1 + slack));
        }
      }),
    );
  });

  test("the memory stays small, in order, and within the period", () => {
    fc.assert(
      fc.property(rules, rans, dice, (rules, rans, dice) => {
        for (const { endedMs, memory } of coursesOf(rules, rans, dice)) {
          expect(memory.ends.length).toBeLessThanOrEqual(rules.maxRestarts + 1);
          expect(memory.ends).toEqual([...memory.ends].sort((a, b) => a - b));
          expect(memory.ends.every((at) => at > endedMs - rules.periodMs && at <= endedMs)).toBe(true);
        }
      }),
    );
  });

  test("with keep-trying no restart is ever refused", () => {
    fc.assert(
      fc.property(rules, rans, dice, (rules, rans, dice) => {
        const courses = coursesOf({ ...rules, onLimit: "keep-trying" }, rans, dice);

        expect(courses.every(({ delayMs }) => delayMs !== undefined)).toBe(true);
      }),
    );
  });

  test("a task is spent exactly when its last end was refused a restart, for that moment", () => {
    fc.assert(
      fc.property(rules, rans, dice, (rules, rans, dice) => {
        for (const { endedMs, delayMs, memory } of coursesOf(rules, rans, dice))
          expect(spent(memory, rules, endedMs) !== undefined).toBe(delayMs === undefined);
      }),
    );
  });
});
