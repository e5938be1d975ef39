import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAnnouncements } from "../../../../src/context/task/announcements.ts";

/** Announcements whose deliveries can be looked at, as `sequence:way`. */
function listening(options: { hasPipe?: boolean } = {}) {
  const delivered: string[] = [];
  const deliver = (message: string, sequence: number) => void delivered.push(`${sequence}:${message}`);
  const announcements = createAnnouncements<string>(deliver, options);
  return {
    delivered,
    piped: (sequence: number) => announcements.piped(sequence, "pipe"),
    heard: (sequence: number) => announcements.heard(sequence, "bus"),
    settle: announcements.settle,
  };
}

describe("an announcement", () => {
  test("counts when it is heard on the bus, not when its copy comes on the pipe", () => {
    const { piped, heard, delivered } = listening();

    expect(piped(1)).toBe(true);
    expect(delivered).toEqual([]);
    heard(1);
    expect(delivered).toEqual(["1:bus"]);
  });

  test("counts once, whichever way was faster", () => {
    const { piped, heard, settle, delivered } = listening();

    heard(1);
    expect(piped(1)).toBe(false);
    heard(1);
    settle();
    expect(delivered).toEqual(["1:bus"]);
  });

  test("that the bus has brought counts before whoever has heard it can ask, whenever its copy comes", () => {
    const { heard, delivered } = listening();

    heard(1);
    heard(2);
    expect(delivered).toEqual(["1:bus", "2:bus"]);
  });

  test("that the bus does not bring counts once the bus had its chance", () => {
    const { piped, heard, settle, delivered } = listening();

    piped(1);
    settle();
    heard(1);
    expect(delivered).toEqual(["1:pipe"]);
  });

  test("that the bus has lost counts as soon as the bus brings a later one, and before it", () => {
    const { piped, heard, delivered } = listening();

    piped(1);
    piped(2);
    piped(3);
    heard(3);
    expect(delivered).toEqual(["1:pipe", "2:pipe", "3:bus"]);
  });

  test("far ahead, in the task's name and by somebody else, does not count, and is not kept", () => {
    const { piped, heard, delivered } = listening();

    for (let sequence = 1; sequence <= 200_000; sequence += 1) heard(sequence + 1);
    expect(delivered).toEqual([]);
    piped(1);
    expect(delivered).toEqual(["1:pipe"]);
  });
});

describe("an announcement of a program without a pipe", () => {
  test("counts as soon as it is heard, though one before it was lost", () => {
    const { heard, delivered } = listening({ hasPipe: false });

    heard(1);
    heard(4);
    expect(delivered).toEqual(["1:bus", "4:bus"]);
  });

  test("counts once, and not behind a later one", () => {
    const { heard, settle, delivered } = listening({ hasPipe: false });

    heard(2);
    heard(2);
    heard(1);
    settle();
    expect(delivered).toEqual(["2:bus"]);
  });
});

test("settling with nothing left delivers nothing", () => {
  const { settle, delivered } = listening();

  settle();
  settle();

  expect(delivered).toEqual([]);
});

/** A task that announces, and when each of its announcements gets through on either way. */
const journeys = fc.record({
  isLost: fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
  schedule: fc.array(fc.constantFrom("pipe", "bus", "settle"), { maxLength: 40 }),
});

interface Journeys {
  isLost: boolean[];
  schedule: string[];
}

/** Lets the journeys happen; the bus may lose, the pipe may not, and neither changes the order. */
function travel({ isLost, schedule }: Journeys, onDelivered: (sequence: number, arrived: number) => void): void {
  const announcements = createAnnouncements<number>((sequence, given) => {
    expect(sequence).toBe(given);
    onDelivered(sequence, heard);
  });
  let piped = 0;
  let heard = 0;

  function pipe(): void {
    if (piped === isLost.length) return;
    piped += 1;
    announcements.piped(piped, piped);
  }

  function bus(): void {
    while (isLost[heard]) {
      heard += 1;
    }
    if (heard === isLost.length) return;
    heard += 1;
    announcements.heard(heard, heard);
  }

  const steps = { pipe, bus, settle: announcements.settle };
  for (const step of schedule) steps[step as keyof typeof steps]();
  for (const _ of isLost) {
    pipe();
    bus();
  }
  announcements.settle();
}

test("whatever the bus loses and whenever it comes, each announcement counts once and in order", () => {
  fc.assert(
    fc.property(journeys, (given) => {
      const delivered: number[] = [];

      travel(given, (sequence) => delivered.push(sequence));

      expect(delivered).toEqual(given.isLost.map((_, index) => index + 1));
    }),
    { numRuns: 700 },
  );
});

test("with nothing lost and nothing settled, none counts before others could hear it", () => {
  fc.assert(
    fc.property(journeys, ({ isLost, schedule }) => {
      const lossless = { isLost: isLost.map(() => false), schedule: schedule.filter((step) => step !== "settle") };

      travel(lossless, (sequence, heard) => expect(sequence).toBeLessThanOrEqual(heard));
    }),
    { numRuns: 700 },
  );
});
