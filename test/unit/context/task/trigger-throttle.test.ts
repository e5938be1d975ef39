import fc from "fast-check";
import { expect, test } from "vitest";
import { admit, unthrottled } from "../../../../src/context/task/trigger-throttle.ts";

/** When starts that are asked for at these times happen, and whether the task counts as slowed down by then. */
function admitted(times: readonly number[]): { at: number; isSlowed: boolean }[] {
  let throttle = unthrottled;
  return times.map((nowMs) => {
    const decision = admit(throttle, nowMs);
    throttle = decision.throttle;
    return { at: nowMs + decision.delayMs, isSlowed: throttle.isSlowed };
  });
}

const startsAt = (times: readonly number[]) => admitted(times).map(({ at }) => at);
const repeated = (count: number, nowMs: number) => Array<number>(count).fill(nowMs);
const everyMs = (stepMs: number, count: number, fromMs = 0) =>
  Array.from({ length: count }, (_, i) => fromMs + i * stepMs);

test("20 starts in 10 s are free", () => {
  expect(startsAt(repeated(20, 1_000))).toEqual(repeated(20, 1_000));
});

test("from the 21st on they wait for one a second", () => {
  expect(startsAt(repeated(24, 1_000)).slice(20)).toEqual([2_000, 3_000, 4_000, 5_000]);
});

test("a start that comes by itself a second after the last one does not wait", () => {
  expect(startsAt([...repeated(20, 0), 1_000, 2_500]).slice(20)).toEqual([1_000, 2_500]);
});

test("the 20 are counted over the last 10 s only", () => {
  const steady = everyMs(501, 200); // 20 in any 10 s

  expect(startsAt(steady)).toEqual(steady);
  expect(admitted(steady).some(({ isSlowed }) => isSlowed)).toBe(false);
});

test("a task that is slowed down stays so as long as it goes on at its pace", () => {
  const paced = everyMs(1_000, 60, 1_000);

  expect(
    admitted([...repeated(20, 0), ...paced])
      .slice(20)
      .every(({ isSlowed }) => isSlowed),
  ).toBe(true);
});

test("is let go again once fewer than 5 starts fall in 10 s", () => {
  const slowed = [...repeated(20, 0), ...everyMs(1_000, 9, 1_000)]; // the last at 9 s

  expect(admitted([...slowed, 14_999]).at(-1)?.isSlowed).toBe(true); // 5 s to 9 s
  expect(admitted([...slowed, 15_000]).at(-1)?.isSlowed).toBe(false); // 6 s to 9 s
});

test("is free again for as many as are missing to 20", () => {
  const calm = [...repeated(20, 0), ...everyMs(1_000, 9, 1_000), ...repeated(18, 15_000)];

  expect(startsAt(calm).slice(-18)).toEqual([...repeated(16, 15_000), 16_000, 17_000]);
});

test("the beginning and the end of being slowed down can be told, each once", () => {
  const course = admitted([...repeated(30, 0), ...repeated(30, 60_000)]).map(({ isSlowed }) => isSlowed);

  expect(course.lastIndexOf(false, 29)).toBe(19);
  expect(course.indexOf(false, 20)).toBe(30);
  expect(course.indexOf(true, 30)).toBe(50);
});

test("deciding leaves the memory it decided by as it was", () => {
  admit(unthrottled, 1_000);

  expect(unthrottled).toEqual({ starts: [], isSlowed: false });
});

test("whenever starts are asked for, no 10 s see more than 20 of them and one for each second", () => {
  const gaps = fc.array(fc.oneof(fc.constant(0), fc.nat(50), fc.nat(1_500), fc.nat(15_000)), {
    maxLength: 200,
    size: "max",
  });

  fc.assert(
    fc.property(gaps, (gapsMs) => {
      let nowMs = 0;
      const asked = gapsMs.map((gapMs) => (nowMs += gapMs));

      const starts = startsAt(asked);

      for (const [index, at] of starts.entries()) {
        expect(at).toBeGreaterThanOrEqual(Math.max(asked[index] ?? 0, starts[index - 1] ?? 0)); // in order, none early
        for (let first = index; first >= 0 && at - (starts[first] as number) < 10_000; first -= 1) {
          const seconds = (at - (starts[first] as number)) / 1_000;
          expect(index - first + 1).toBeLessThanOrEqual(20 + seconds);
        }
      }
    }),
  );
});
