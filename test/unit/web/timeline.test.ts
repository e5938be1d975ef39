import { expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import type { History } from "../../../src/http/contract/api.ts";
import type { Rows } from "../../../web/figures.ts";
import { createTimeline } from "../../../web/timeline.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function historyAt(...timesMs: number[]): History {
  return { timesMs, tasks: { ts001: { cpuPercent: timesMs.map(() => 1), residentBytes: timesMs.map(() => 1) } } };
}

/** A timeline whose readings are answered by hand, and what it has shown and said. */
function timeline() {
  const asked: { of: string; backMs: number | undefined; answer: ReturnType<typeof deferred<History>> }[] = [];
  const shown: number[][] = [];
  const said: string[] = [];
  const clock = { nowMs: 0 };
  const made = createTimeline({
    read(of, backMs) {
      const answer = deferred<History>();
      asked.push({ of, backMs, answer });
      return answer.promise;
    },
    show: ({ timesMs }: Rows) => shown.push([...timesMs]),
    say: (text) => said.push(text),
    nowMs: () => clock.nowMs,
  });
  const answer = async (index: number, history: History | Error) => {
    if (history instanceof Error) asked[index]?.answer.reject(history);
    else asked[index]?.answer.resolve(history);
    await new Promise(setImmediate);
  };
  return { ...made, answer, asked, shown, said, clock };
}

test("the last hour is read once, and grows with what is told", async () => {
  const line = timeline();

  line.show("T1");
  await line.answer(0, historyAt(1, 2));
  line.add({ transaction: "T1", atMs: 3, tasks: { ts001: [5, 6] } });

  expect(line.asked.map(({ of, backMs }) => [of, backMs])).toEqual([["T1", undefined]]);
  expect(line.shown.at(-1)).toEqual([1, 2, 3]);
});

test("an answer about a transaction that is looked at no more is not shown", async () => {
  const line = timeline();
  line.show("T1");
  line.show("T2");

  await line.answer(1, historyAt(7));
  await line.answer(0, historyAt(1, 2));

  expect(line.shown.at(-1)).toEqual([7]);
});

test("a long span is read, and again only when another row of it is due", async () => {
  const line = timeline();
  line.show("T1");
  await line.answer(0, historyAt(1));

  line.choose(DAY_MS);
  await line.answer(1, historyAt(10, 20));
  line.clock.nowMs = DAY_MS / 600 - 1;
  line.add({ transaction: "T1", atMs: 2, tasks: {} });
  const early = line.asked.length;
  line.clock.nowMs += 1;
  line.add({ transaction: "T1", atMs: 3, tasks: {} });

  expect(early).toBe(2);
  expect(line.asked.map(({ backMs }) => backMs)).toEqual([undefined, DAY_MS, DAY_MS]);
  expect(line.shown.at(-1)).toEqual([10, 20]);
  expect(line.said).toEqual(["", "reading …", "", ""]);
});

test("a long span that can't be read leaves what was shown, and says so", async () => {
  const line = timeline();
  line.show("T1");
  line.choose(DAY_MS);
  await line.answer(1, historyAt(10, 20));
  line.clock.nowMs = DAY_MS;
  line.add({ transaction: "T1", atMs: 2, tasks: {} });

  await line.answer(2, new Error("status 503"));

  expect(line.shown.at(-1)).toEqual([10, 20]);
  expect(line.said.at(-1)).toBe("can't be read now");
});

test("nothing is said of a long span that is looked at no more", async () => {
  const line = timeline();
  line.show("T1");
  line.choose(DAY_MS);
  await line.answer(1, new Error("status 503"));

  line.choose(HOUR_MS);
  const saidThen = line.said.at(-1);
  line.choose(7 * DAY_MS);
  line.choose(HOUR_MS);
  await line.answer(2, new Error("status 503"));

  expect(saidThen).toBe("");
  expect(line.said.at(-1)).toBe("");
});
