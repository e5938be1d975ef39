import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createDelays } from "../../../src/messaging/embedded/broker/delays.ts";
import { createDeque } from "../../../src/messaging/embedded/broker/deque.ts";
import { createLetters } from "../../../src/messaging/embedded/broker/letters.ts";
import type { StoredLetter } from "../../../src/messaging/embedded/broker/store.ts";

test("delays give values in the order in which they are due", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000)), (times) => {
      const delays = createDelays<number>();
      for (const time of times) delays.add(time, time);
      const order: number[] = [];
      for (let next = delays.shift(2000); next !== undefined; next = delays.shift(2000)) order.push(next);

      expect(order).toEqual(times.toSorted((a, b) => a - b));
    }),
  );
});

test("delays give nothing before its time", () => {
  const delays = createDelays<string>();
  delays.add(10, "late");

  expect(delays.shift(9)).toBeUndefined();
  expect(delays.shift(10)).toBe("late");
});

describe("a deque", () => {
  test("behaves as an array does", () => {
    const command = fc.oneof(
      fc.record({ do: fc.constant("push" as const), value: fc.nat() }),
      fc.record({ do: fc.constant("unshift" as const), value: fc.nat() }),
      fc.record({ do: fc.constant("remove" as const), value: fc.nat(20) }),
      fc.record({ do: fc.constant("shift" as const), value: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const [deque, array] = [createDeque<number>(), [] as number[]];
        for (const { do: what, value } of commands) {
          if (what === "push") expect([deque.push(value), array.push(value)]).toBeDefined();
          if (what === "unshift") expect([deque.unshift(value), array.unshift(value)]).toBeDefined();
          if (what === "shift") expect(deque.shift()).toBe(array.shift());
          if (what === "remove") {
            const index = array.findIndex((one) => one % 20 === value);
            expect(deque.remove((one) => one % 20 === value)).toBe(index < 0 ? undefined : array.splice(index, 1)[0]);
          }
          expect(deque.length).toBe(array.length);
        }
        while (array.length > 0) expect(deque.shift()).toBe(array.shift());
      }),
    );
  });

  test("keeps its order when its front is moved", () => {
    const deque = createDeque<number>();
    for (let i = 0; i < 5_000; i += 1) deque.push(i);
    const all = Array.from({ length: 5_000 }, () => deque.shift());

    expect(all).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
    expect(deque.shift()).toBeUndefined();
  });
});

test("dead letters that a former broker has left are listed and counted", () => {
  const letter: StoredLetter = {
    ...{ id: "1-7", event: "orders.created", group: "billing", reason: "attempts", attempts: 6, handler: "h" },
    ...{ first_at: 1, last_at: 2, error: { name: "Error", message: "m" }, g: 1, event_id: "e", head: 0 },
  };
  const outlet = { keep() {}, bodyOf: () => Buffer.alloc(0), letterBody: () => Buffer.alloc(0) };

  const letters = createLetters(outlet, [letter], { letters: 10, letterMs: 1_000 });

  expect(letters.countOf(1)).toBe(1);
  expect(letters.list({})).toMatchObject([{ id: "1-7", reason: "attempts" }]);
});
