import { describe, expect, test } from "vitest";
import { createTurns, type Piece } from "../../../src/launch/time-slices.ts";

/** Turns of 5 ms, on a clock that goes on by 1 ms with every piece of work; a turn begins when the test says so. */
function turnsOfFive() {
  const order: string[] = [];
  const next: (() => void)[] = [];
  let nowMs = 0;
  const turns = createTurns({ turnMs: 5, nowMs: () => nowMs, later: (call) => next.push(call) });

  return {
    order,
    /** Somebody with so many pieces of work. */
    join(name: string, pieces: number, doOne: () => void = () => {}): void {
      let left = pieces;
      const piece: Piece = () => {
        left -= 1;
        nowMs += 1;
        order.push(name);
        doOne();
        return left > 0;
      };
      turns.join(piece);
    },
    /** Everybody else has had a turn. */
    goOn: () => next.shift()?.(),
    isIdle: () => next.length === 0,
  };
}

describe("turns", () => {
  test("do what is little at once", () => {
    const { join, order } = turnsOfFive();

    join("a", 3);

    expect(order.join("")).toBe("aaa");
  });

  test("leave what is much to those that follow, and end with it", () => {
    const { join, order, goOn, isIdle } = turnsOfFive();

    join("a", 12);
    expect(order).toHaveLength(5);
    goOn();
    expect(order).toHaveLength(10);
    goOn();
    expect(order).toHaveLength(12);
    goOn();

    expect(isIdle()).toBe(true);
  });

  test("are shared: many that join within one get no more time than one does", () => {
    const { join, order, goOn } = turnsOfFive();

    for (const name of ["a", "b", "c"]) join(name, 4);
    expect(order.join("")).toBe("aaaab");
    goOn();

    expect(order.join("")).toBe("aaaabbcbcb");
  });

  test("go on after a piece that throws, with whoever did it as well", () => {
    const { join, order, goOn } = turnsOfFive();
    let isBroken = true;

    expect(() =>
      join("a", 2, () => {
        if (isBroken) throw new Error("broken");
      }),
    ).toThrow("broken");
    isBroken = false;
    goOn();

    expect(order.join("")).toBe("aa");
  });
});
