import { expect, test } from "vitest";
import { harmless, ignoring, together } from "../../../../src/context/transaction/observer.ts";

test("whoever looks on and stumbles harms ignoring, and is reported", () => {
  const stumbles: unknown[] = [];
  const observer = harmless(
    {
      ...ignoring,
      changed() {
        throw new Error("stumbled");
      },
    },
    (error) => stumbles.push(error),
  );

  observer.changed();

  expect(stumbles).toEqual([new Error("stumbled")]);
});

test("whoever looks on is told what happened", () => {
  const told: unknown[] = [];
  const observer = harmless({ ...ignoring, output: (output) => told.push(output) }, () => {});
  const output = { transaction: "T1", task: "ts001", stream: "stdout", line: "text" } as const;

  observer.output(output);

  expect(told).toEqual([output]);
});

test("several who look on are told alike, also when one of them stumbles", () => {
  const told: string[] = [];
  const first = {
    ...ignoring,
    forwarder() {
      throw new Error("stumbled");
    },
    changed: () => void told.push("first"),
  };
  const second = {
    ...ignoring,
    forwarder: (isThere: boolean) => void told.push(`forwarder ${isThere}`),
    changed: () => void told.push("second"),
  };
  const both = together([first, second]);

  both.changed();

  expect(() => both.forwarder(true)).toThrow("stumbled");
  expect(told).toEqual(["first", "second", "forwarder true"]);
});
