import { expect, test } from "vitest";
import { createBag, createNumberMap } from "../../src/number-map.ts";

test("a number map has what a Map would have, whatever was put and deleted", () => {
  const ours = createNumberMap<string>();
  const model = new Map<number, string>();
  let seed = 7;
  const next = (most: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return seed % most;
  };

  const different: number[] = [];
  for (let step = 0; step < 50_000; step += 1) {
    const key = next(2) === 0 ? next(300) : 2 ** 40 + next(300);
    if (next(5) < 2) {
      ours.set(key, `${step}`);
      model.set(key, `${step}`);
    } else if (ours.delete(key) !== model.get(key)) different.push(step);
    else model.delete(key);
    if (ours.size !== model.size || ours.get(key) !== model.get(key)) different.push(step);
  }

  expect(different).toEqual([]);
  expect(ours.values().sort()).toEqual([...model.values()].sort());
});

test("an emptied number map has nothing, and takes values again", () => {
  const map = createNumberMap<string>();
  for (let key = 0; key < 1_000; key += 1) map.set(key, `${key}`);

  map.clear();

  expect([map.size, map.values(), map.get(5)]).toEqual([0, [], undefined]);
  map.set(5, "five");
  expect(map.get(5)).toBe("five");
});

test("what was put into a bag is taken out by its number, once", () => {
  const bag = createBag<string>();
  const first = bag.add("same");
  const second = bag.add("same");

  expect([bag.delete(first), bag.delete(first)]).toEqual([true, false]);
  expect([bag.size, bag.values()]).toEqual([1, ["same"]]);
  expect(bag.delete(second)).toBe(true);
});
