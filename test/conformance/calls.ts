// What calls promise on every engine, by the numbers of the table of guarantees.
import { describe, expect, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import { ServiceError } from "../../src/messaging/contract/service-error.ts";
import { BOUND_MS } from "../support/bound.ts";
import { aborted, type Members, openBuses } from "./members.ts";

export function testCalls(name: string, openMembers: () => Promise<Members>): void {
  async function open() {
    const buses = await openBuses(openMembers);
    const [caller, callee, other] = await Promise.all(["1", "2", "3"].map((id) => buses.connect(`a/b/${id}`)));
    if (caller === undefined || callee === undefined || other === undefined) throw new Error("three buses are made");
    return { caller, callee, other, [Symbol.asyncDispose]: () => buses[Symbol.asyncDispose]() };
  }

  describe(`calls over ${name}`, () => {
    test("P1: are answered from serve on", async () => {
      await using all = await open();
      await all.callee.serve("math", { add: ({ a, b }: { a: number; b: number }) => a + b });

      expect(await all.caller.call("math.add", { a: 1, b: 2 })).toBe(3);
    });

    test("P8: have no more time than what they follow from", async () => {
      await using all = await open();
      await all.other.serve("back", { wait: (_: never, { signal }) => aborted(signal) });
      await all.callee.serve("front", {
        get: (_: never, { bus }) => bus.call("back.wait", null, { timeoutMs: 3_600_000 }),
      });

      await expect(all.caller.call("front.get", null, { timeoutMs: 100 })).rejects.toMatchObject({
        code: "ERR_CALL_TIMEOUT",
      });
    });

    test("P8: to nobody, and to no method, fail at once", async () => {
      await using all = await open();
      await all.callee.serve("shop", { buy: () => 1 });

      await expect(all.caller.call("nobody.here")).rejects.toMatchObject({
        ...{ code: "ERR_SERVICE_UNKNOWN", executed: "no", service: "nobody", method: "here" },
      });
      for (const method of ["sell", "constructor", "__proto__", "toString"])
        await expect(all.caller.call(`shop.${method}`)).rejects.toMatchObject({
          ...{ code: "ERR_METHOD_UNKNOWN", executed: "no" },
        });
    });

    test("P8: that the caller gives up are aborted at the callee", async () => {
      await using all = await open();
      const begun = deferred();
      const ended = deferred();
      await all.callee.serve("slow", {
        async wait(_: never, { signal }) {
          begun.resolve();
          await aborted(signal);
          ended.resolve();
        },
      });
      const controller = new AbortController();
      const answer = all.caller.call("slow.wait", null, { signal: controller.signal }).catch((error: unknown) => error);
      await begun.promise;
      controller.abort();

      expect(await answer).toMatchObject({ code: "ERR_CALL_TIMEOUT", executed: "unknown" });
      await ended.promise;
    });

    test("P8: whose callee leaves are lost, unless they may be sent again", async () => {
      await using all = await open();
      const begun = [deferred(), deferred()];
      let taken = 0;
      await all.callee.serve("slow", {
        wait: async (_: never, { signal }) => {
          begun[taken]?.resolve();
          taken += 1;
          await aborted(signal);
        },
      });
      const lost = all.caller.call("slow.wait").catch((error: unknown) => error);
      const again = all.caller.call("slow.wait", null, { idempotent: true });
      await Promise.all(begun.map(({ promise }) => promise));
      await all.other.serve("slow", { wait: () => "from another one" });
      await all.callee.close();

      expect(await lost).toMatchObject({ code: "ERR_SERVICE_LOST", executed: "unknown" });
      expect(await again).toBe("from another one");
    });

    test("P8: go to the instance that is least busy", async () => {
      await using all = await open();
      const begun = deferred();
      const release = deferred();
      const hold = async () => {
        begun.resolve();
        await release.promise;
      };
      await all.callee.serve("two", { hold, which: () => "first" });
      const held = all.caller.call("two.hold");
      await begun.promise;
      await all.other.serve("two", { hold, which: () => "second" });

      // A caller may hear of a further instance a moment after it is there.
      await expect.poll(() => all.caller.call("two.which"), { timeout: BOUND_MS }).toBe("second");
      release.resolve();
      await held;
    });

    test("P9: keep what the error of a service says", async () => {
      await using all = await open();
      await all.callee.serve("shop", {
        buy() {
          throw new ServiceError("OUT_OF_STOCK", "none left", { details: { sku: 1 }, retryable: true });
        },
        crash() {
          throw new RangeError("too far");
        },
      });

      await expect(all.caller.call("shop.buy")).rejects.toMatchObject({
        ...{ code: "OUT_OF_STOCK", message: "none left", details: { sku: 1 }, retryable: true, executed: "yes" },
        ...{ service: "shop", method: "buy" },
      });
      const crash = await all.caller.call("shop.crash").catch((error: unknown) => error);
      expect(crash).toMatchObject({ message: "too far", remote: { name: "RangeError" }, executed: "yes" });
      expect(crash).not.toHaveProperty("remote.stack");
    });

    test("have parameters that fit, or do not reach the method", async () => {
      await using all = await open();
      const params = { type: "object", required: ["id"] } as const;
      await all.callee.serve("shop", { get: { params, handle: () => "reached" } });

      expect(await all.caller.call("shop.get", { id: 1 })).toBe("reached");
      await expect(all.caller.call("shop.get", {})).rejects.toMatchObject({
        ...{ code: "ERR_PARAMS_INVALID", executed: "no" },
      });
    });
  });
}
