import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createHeardSignals, type HeardSignals } from "../../../src/messaging/contract/heard-signals.ts";

/** A subscriber that follows `t`. */
function subscriber(): HeardSignals {
  const heard = createHeardSignals();
  heard.follow("t");
  return heard;
}

function hear(heard: HeardSignals, sequences: readonly number[], incarnation = "one", publisher = "c/s/1"): void {
  for (const sequence of sequences) heard.hear("t", incarnation, sequence, () => publisher);
}

function state(heard: HeardSignals, total: number, { incarnation = "one", publisher = "c/s/1", isLast = false } = {}) {
  heard.state({ incarnation, publisher, totals: new Map([["t", total]]), isLast });
}

const counted = (received: number, lost: number, publisher = "c/s/1") => [{ topic: "t", publisher, received, lost }];

describe("signals that are heard", () => {
  test("in a row are received, and none is lost", () => {
    const heard = subscriber();
    hear(heard, [1, 2, 3]);
    expect(heard.counts()).toEqual(counted(3, 0));
  });

  test("behind a gap show what is lost", () => {
    const heard = subscriber();
    hear(heard, [1, 2, 5, 9]);
    expect(heard.counts()).toEqual(counted(4, 5));
  });

  test("out of order are not lost", () => {
    const heard = subscriber();
    hear(heard, [1, 4, 3, 2]);
    expect(heard.counts()).toEqual(counted(4, 0));
  });

  test("by a subscriber that came later count from the first one that it hears", () => {
    const heard = subscriber();
    hear(heard, [500, 501]);
    expect(heard.counts()).toEqual(counted(2, 0));
  });

  test("on a topic that is not followed are not counted", () => {
    const heard = subscriber();
    heard.hear("other", "one", 1, () => "c/s/1");
    expect(heard.counts()).toEqual([]);
  });

  test("of several publishers are counted apart", () => {
    const heard = subscriber();
    hear(heard, [1, 3], "one", "c/s/1");
    hear(heard, [1, 2], "two", "c/s/2");
    expect(heard.counts()).toEqual([...counted(2, 1, "c/s/1"), ...counted(2, 0, "c/s/2")]);
  });

  test("of a publisher that was restarted count as those of the same one", () => {
    const heard = subscriber();
    hear(heard, [1, 2, 4], "one");
    hear(heard, [1, 2], "two");
    expect(heard.counts()).toEqual(counted(5, 1));
  });
});

describe("a statement of totals", () => {
  test("shows what is lost at the end, once all before it has arrived", () => {
    const heard = subscriber();
    hear(heard, [1, 2]);
    state(heard, 7);
    const arrived = heard.missing();
    expect(heard.counts()).toEqual(counted(2, 0));

    hear(heard, [3]);
    arrived?.();

    expect(heard.counts()).toEqual(counted(3, 4));
    expect(heard.missing()).toBeUndefined();
  });

  test("says nothing of what is published after it was looked at", () => {
    const heard = subscriber();
    hear(heard, [1]);
    state(heard, 2);
    const arrived = heard.missing();
    state(heard, 5);

    arrived?.();

    expect(heard.counts()).toEqual(counted(1, 1));
    expect(heard.missing()).toBeDefined();
  });

  test("that a publisher begins with counts signals of which the first are lost", () => {
    const heard = subscriber();
    state(heard, 0);
    hear(heard, [4]);
    expect(heard.counts()).toEqual(counted(1, 3));
  });

  test("of a publisher that was there before is where counting begins", () => {
    const heard = subscriber();
    state(heard, 100);
    hear(heard, [103]);
    expect(heard.counts()).toEqual(counted(1, 2));
  });

  test("that overtakes the signals it counts takes none of them for lost", () => {
    const heard = subscriber();
    state(heard, 102);
    hear(heard, [101, 102, 103]);
    expect(heard.counts()).toEqual(counted(3, 0));
  });

  test("that is the last one keeps what was counted, and a later life is added", () => {
    const heard = subscriber();
    hear(heard, [1, 2]);
    state(heard, 3, { isLast: true });
    heard.missing()?.();
    expect(heard.counts()).toEqual(counted(2, 1));

    hear(heard, [1], "two");

    expect(heard.counts()).toEqual(counted(3, 1));
  });

  test("that is the last one of a publisher nobody has heard counts nothing", () => {
    const heard = subscriber();
    state(heard, 5, { isLast: true });
    expect(heard.counts()).toEqual([]);
  });
});

test("what is published while nobody follows the topic is not lost", () => {
  const heard = subscriber();
  hear(heard, [1, 2]);
  heard.unfollow("t");
  hear(heard, [3, 4]);
  heard.follow("t");
  hear(heard, [9]);
  expect(heard.counts()).toEqual(counted(3, 0));
});

test("a thousand lives are remembered one by one, and the counts of older ones stay", () => {
  const heard = subscriber();
  for (let life = 0; life < 1_500; life += 1) hear(heard, [1, 3], `life ${life}`);
  expect(heard.counts()).toEqual(counted(3_000, 1_500));
});

test("whatever is lost, received and lost are what was published", () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 300 }),
      fc.integer({ min: 1, max: 20 }),
      (arrives, every) => {
        const heard = subscriber();
        state(heard, 0);
        arrives.forEach((arrived, index) => {
          if (arrived) hear(heard, [index + 1]);
          if (index % every === 0) state(heard, index + 1);
        });
        state(heard, arrives.length, { isLast: true });
        heard.missing()?.();

        const received = arrives.filter(Boolean).length;
        expect(heard.counts()).toEqual(counted(received, arrives.length - received));
      },
    ),
  );
});
