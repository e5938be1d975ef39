import { expect, test } from "vitest";
import { harmless, nobody } from "../../../src/context/spectator.ts";

test("whoever looks on and stumbles harms nobody, and is reported", () => {
  const stumbles: unknown[] = [];
  const spectator = harmless(
    {
      ...nobody,
      changed() {
        throw new Error("stumbled");
      },
    },
    (error) => stumbles.push(error),
  );

  spectator.changed();

  expect(stumbles).toEqual([new Error("stumbled")]);
});

test("whoever looks on is told what happened", () => {
  const told: unknown[] = [];
  const spectator = harmless({ ...nobody, output: (output) => told.push(output) }, () => {});
  const output = { transaction: "T1", task: "ts001", stream: "stdout", line: "text" } as const;

  spectator.output(output);

  expect(told).toEqual([output]);
});
