import { describe, expect, test } from "vitest";
import { createQueueSeats, hashOf, mix } from "../../../src/messaging/engines/zeromq/queue-seats.ts";

const signals = Array.from({ length: 10_000 }, (_, index) => mix(hashOf("publisher"), index));

function queueOf(...ids: string[]) {
  const seats = createQueueSeats();
  for (const id of ids) seats.take({ id, topic: "t", queue: "q" }, 0);
  return seats;
}

const turns = (seats: ReturnType<typeof createQueueSeats>) => signals.map((signal) => seats.turnOf("t", "q", signal));

describe("a queue", () => {
  test("gives each subscriber about the same share", () => {
    const all = turns(queueOf("a", "b", "c", "d"));

    for (const id of ["a", "b", "c", "d"]) {
      const share = all.filter((turn) => turn === id).length;
      expect(Math.abs(share - 2_500)).toBeLessThan(250);
    }
  });

  test("decides the same in whatever order its subscribers came", () => {
    expect(turns(queueOf("c", "a", "b"))).toEqual(turns(queueOf("a", "b", "c")));
  });

  test("moves no signal between those who stay when one leaves", () => {
    const seats = queueOf("a", "b", "c");
    const before = turns(seats);
    seats.leave("b");

    const moved = turns(seats).filter((turn, index) => before[index] !== "b" && before[index] !== turn);

    expect(moved).toEqual([]);
    expect(turns(seats)).not.toContain("b");
  });

  test("is apart from another one of the same topic", () => {
    const seats = queueOf("a");
    seats.take({ id: "b", topic: "t", queue: "other" }, 0);

    expect(new Set(turns(seats))).toEqual(new Set(["a"]));
  });

  test("without subscribers gives a signal to nobody", () => {
    const seats = queueOf("a");
    seats.leave("a");

    expect(seats.turnOf("t", "q", 1)).toBeUndefined();
  });

  test("knows who is silent, unless the listener itself was halted", () => {
    const seats = queueOf("a", "b");
    seats.take({ id: "b", topic: "t", queue: "q" }, 5_000);
    expect(seats.silentSince(1_000)).toEqual(["a"]);

    seats.forgive(9_000);

    expect(seats.silentSince(8_000)).toEqual([]);
  });
});
