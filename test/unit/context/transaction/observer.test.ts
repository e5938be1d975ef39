import { expect, test } from "vitest";
import { type ProviderEvent, together } from "../../../../src/context/transaction/observer.ts";

test("several observers are told alike, also when one of them throws, and the error is seen", () => {
  const told: string[] = [];
  const first = (event: ProviderEvent) => {
    if (event.type === "forwarder") throw new Error("stumbled");
    told.push(`first ${event.type}`);
  };
  const both = together([first, (event) => told.push(`second ${event.type}`)]);

  both({ type: "changed" });

  expect(() => both({ type: "forwarder", isThere: true })).toThrow("stumbled");
  expect(told).toEqual(["first changed", "second changed", "second forwarder"]);
});
