import { describe, expect, test } from "vitest";
import { createTimeSlices, type Piece } from "../../../../src/launch/output/time-slices.ts";

/** Slices of 5 ms, on a clock that advances by 1 ms with every piece of work; a slice begins when the test says so. */
function slicesOfFive() {
  const order: string[] = [];
  const next: (() => void)[] = [];
  let nowMs = 0;
  const slices = createTimeSlices({ sliceMs: 5, nowMs: () => nowMs, later: (call) => next.push(call) });

  return {
    order,
    /** Adds a source with so many pieces of work. */
    add(name: string, pieces: number, doOne: () => void = () => {}): void {
      let left = pieces;
      const piece: Piece = () => {
        left -= 1;
        nowMs += 1;
        order.push(name);
        doOne();
        return left > 0;
      };
      slices.schedule(piece);
    },
    /** Everything else has been served. */
    goOn: () => next.shift()?.(),
    isIdle: () => next.length === 0,
  };
}

describe("time slices", () => {
  test("do little work at once", () => {
    const { add, order } = slicesOfFive();

    add("a", 3);

    expect(order.join("")).toBe("aaa");
  });

  test("spread much work over the slices that follow, and end with it", () => {
    const { add, order, goOn, isIdle } = slicesOfFive();

    add("a", 12);
    expect(order).toHaveLength(5);
    goOn();
    expect(order).toHaveLength(10);
    goOn();
    expect(order).toHaveLength(12);
    goOn();

    expect(isIdle()).toBe(true);
  });

  test("are shared: many sources that come within one get no more time than one does", () => {
    const { add, order, goOn } = slicesOfFive();

    for (const name of ["a", "b", "c"]) add(name, 4);
    expect(order.join("")).toBe("aaaab");
    goOn();

    expect(order.join("")).toBe("aaaabbcbcb");
  });

  test("go on after a piece that throws, with the same source as well", () => {
    const { add, order, goOn } = slicesOfFive();
    let isBroken = true;

    expect(() =>
      add("a", 2, () => {
        if (isBroken) throw new Error("broken");
      }),
    ).toThrow("broken");
    isBroken = false;
    goOn();

    expect(order.join("")).toBe("aa");
  });
});
