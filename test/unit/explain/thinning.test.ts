import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createThinning } from "../../../src/explain/thinning.ts";

describe("what fires all the while", () => {
  test("is noted so often in a period, and then with how often it was not", () => {
    const thinning = createThinning({ most: 2, periodMs: 1_000 });
    const at = (...times: number[]) => times.map((atMs) => thinning.note("on_update of ts_1", atMs));

    expect(at(0, 1, 2, 3, 999)).toEqual([0, 0, undefined, undefined, undefined]);
    expect(at(1_000, 1_001, 1_002, 2_000)).toEqual([3, 0, undefined, 1]);
  });

  test("takes nothing from what fires beside it", () => {
    const thinning = createThinning({ most: 1 });
    for (let count = 0; count < 5; count += 1) thinning.note("one", count);

    expect(thinning.note("other", 5)).toBe(0);
  });

  test("is counted as a whole, however many things fire at whatever times", () => {
    const firing = fc.record({ key: fc.integer({ min: 0, max: 1_500 }), stepMs: fc.integer({ min: 0, max: 90 }) });
    fc.assert(
      fc.property(fc.array(firing, { maxLength: 2_000, size: "max" }), (firings) => {
        const thinning = createThinning({ most: 1, periodMs: 100 });
        let nowMs = 0;
        const told = firings.map(({ key, stepMs }) => {
          nowMs += stepMs;
          return thinning.note(`${key}`, nowMs);
        });
        // What is still to be told is told later.
        const keys = new Set(firings.map(({ key }) => key));
        const rest = [...keys].map((key) => (thinning.note(`${key}`, nowMs + 100) ?? 0) + 1);
        const noted = told.filter((skipped) => skipped !== undefined);
        const sum = noted.reduce((total, skipped) => total + skipped + 1, 0) + rest.reduce((a, b) => a + b, 0);
        expect(sum).toBe(firings.length + keys.size);
      }),
      { numRuns: 20 },
    );
  });
});
