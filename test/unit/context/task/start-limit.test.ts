import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type AcquireStart, createStartLimit } from "../../../../src/context/task/start-limit.ts";

const HOLD_MS = 100;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** Comes to a gate, and notes when it is let in. */
function comer(enter: AcquireStart): { isIn(): boolean; leave(): Promise<void> } {
  let leave: (() => void) | undefined;
  void enter().then((giveBack) => (leave = giveBack));
  return {
    isIn: () => leave !== undefined,
    async leave() {
      leave?.();
      await settled();
    },
  };
}

function comers(enter: AcquireStart, count: number) {
  return Array.from({ length: count }, () => comer(enter));
}

/** Lets everybody in for whom there is a place. */
async function settled(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

const entered = (all: readonly { isIn(): boolean }[]) => all.map(({ isIn }) => isIn());

describe("a gate", () => {
  test("lets in as many as it has places, in the order they came", async () => {
    const all = comers(createStartLimit(2), 4);
    await settled();

    expect(entered(all)).toEqual([true, true, false, false]);
    await all[1]?.leave();
    expect(entered(all)).toEqual([true, true, true, false]);
    await all[0]?.leave();
    expect(entered(all)).toEqual([true, true, true, true]);
    for (const one of all) await one.leave();
  });

  test("gives a place back once, however often somebody leaves", async () => {
    const all = comers(createStartLimit(1), 3);
    await settled();

    await all[0]?.leave();
    await all[0]?.leave();

    expect(entered(all)).toEqual([true, true, false]);
    await all[1]?.leave();
    await all[2]?.leave();
  });

  test("has its places again when everybody has left", async () => {
    const enter = createStartLimit(2);
    for (const one of comers(enter, 5)) {
      await settled();
      await one.leave();
    }

    const late = comers(enter, 3);
    await settled();

    expect(entered(late)).toEqual([true, true, false]);
    for (const one of late) await one.leave();
  });

  test("takes the place of one that does not leave", async () => {
    const all = comers(createStartLimit(1, HOLD_MS), 2);
    await vi.advanceTimersByTimeAsync(HOLD_MS - 1);
    expect(entered(all)).toEqual([true, false]);

    await vi.advanceTimersByTimeAsync(1);

    expect(entered(all)).toEqual([true, true]);
    await all[1]?.leave();
  });

  test("takes it once, though that one leaves later", async () => {
    const all = comers(createStartLimit(1, HOLD_MS), 3);
    await vi.advanceTimersByTimeAsync(HOLD_MS);

    await all[0]?.leave();

    expect(entered(all)).toEqual([true, true, false]);
    await all[1]?.leave();
    await all[2]?.leave();
  });

  test("counts the time of each from when it was let in", async () => {
    const all = comers(createStartLimit(1, HOLD_MS), 3);
    await vi.advanceTimersByTimeAsync(HOLD_MS + HOLD_MS / 2);
    expect(entered(all)).toEqual([true, true, false]);

    await vi.advanceTimersByTimeAsync(HOLD_MS / 2);

    expect(entered(all)).toEqual([true, true, true]);
    await all[2]?.leave();
  });

  test("keeps nobody's place for longer than 2 s, where nothing else is said", async () => {
    const all = comers(createStartLimit(1), 2);
    await vi.advanceTimersByTimeAsync(2_000);

    expect(entered(all)).toEqual([true, true]);
    await all[1]?.leave();
  });
});
