import { expect, test } from "vitest";
import { deferred } from "../../../../src/deferred.ts";
import { startBackfill } from "../../../../src/http/data/history-backfill.ts";
import { silent } from "../../../../src/log.ts";

test("the rest of the history is left out when too much happens while it is being read", async () => {
  const gate = deferred();
  const kept: string[] = [];
  const history = {
    async *since() {
      yield { kind: "states" as const, transaction: "T1", atMs: 1, tasks: {} };
      await gate.promise;
      yield { kind: "states" as const, transaction: "T1", atMs: 2, tasks: {} };
    },
  };
  const backfill = startBackfill(history, { sinceMs: 0, untilMs: 10, keep: () => kept.push("before"), log: silent });
  const happens = (times: number) => {
    for (let time = 0; time < times; time += 1) backfill.inOrder(() => kept.push("now"));
  };

  await new Promise(setImmediate);
  happens(20_000);
  const keptBefore = [...kept];
  happens(1);
  const keptThen = kept.length;
  gate.resolve();
  await backfill.done;

  expect(keptBefore).toEqual(["before"]);
  expect(keptThen).toBe(20_002);
  expect(kept).toHaveLength(20_002);
});
