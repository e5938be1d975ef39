import { describe, expect, test } from "vitest";
import { createDeviceTwin } from "../../../../src/hub/simulator/device-twin.ts";

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

describe("the twin of a device", () => {
  test("has a version for each half, which each patch raises", () => {
    const twin = createDeviceTwin();

    expect(twin.whole()).toEqual({ desired: { $version: 1 }, reported: { $version: 1 } });
    expect(twin.desire({ a: 1, b: { c: 2 } })).toBe(2);
    expect(twin.desire({ a: null, b: { d: 3 } })).toBe(3);
    expect(twin.report(bytes({ e: 4 }))).toEqual({ status: 204, version: 2 });
    expect(twin.whole()).toEqual({ desired: { b: { c: 2, d: 3 }, $version: 3 }, reported: { e: 4, $version: 2 } });
  });

  test.each([["text"], [[1]], [{ $version: 7 }], [{ "a.b": 1 }]])("takes no %j for a patch", (patch) => {
    const twin = createDeviceTwin();

    expect(twin.report(bytes(patch))).toEqual({ status: 400 });
    expect(twin.whole().reported).toEqual({ $version: 1 });
  });

  test("takes no more than 32 KiB", () => {
    expect(createDeviceTwin().report(bytes({ a: "x".repeat(33_000) }))).toEqual({ status: 413 });
    expect(createDeviceTwin().report(Buffer.from("{"))).toEqual({ status: 400 });
  });
});
