import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  desiredAfter,
  INITIAL_STATE,
  mergePatch,
  nodeStateOf,
  patchBetween,
  versionOf,
} from "../../../../src/hub/contract/twin.ts";
import type { JsonObject } from "../../../../src/protocol/json.ts";

describe("the state that a twin asks for", () => {
  test.each([
    [{}, { enabled: true, debug: false }],
    [{ "msb-state": {} }, { enabled: true, debug: false }],
    [{ "msb-state": { enabled: false } }, { enabled: false, debug: false }],
    [{ "msb-state": { debug: true } }, { enabled: true, debug: true }],
    [{ "msb-state": { tracking: true } }, { enabled: true, debug: false, tracking: true }],
    [{ "msb-state": { enabled: "false", debug: 1 } }, { enabled: true, debug: false }],
    [{ "msb-state": null }, { enabled: true, debug: false }],
    [{ "msb-state": [] }, { enabled: true, debug: false }],
  ])("of %j is %j", (desired, state) => {
    expect(nodeStateOf(desired)).toEqual({ ...INITIAL_STATE, ...state });
  });
});

describe("a change of the desired state", () => {
  const known = { interval: 5, $version: 4 };

  test("that is whole replaces what was known", () => {
    expect(desiredAfter(known, { kind: "whole", desired: { interval: 7 }, version: 9 })).toEqual({
      kind: "changed",
      desired: { interval: 7, $version: 9 },
    });
    expect(desiredAfter(undefined, { kind: "whole", desired: {} })).toEqual({ kind: "changed", desired: {} });
  });

  test("that is whole and says the same does nothing", () => {
    expect(desiredAfter(known, { kind: "whole", desired: { $version: 4, interval: 5 } })).toEqual({ kind: "same" });
  });

  test("that is the next patch is merged", () => {
    expect(desiredAfter(known, { kind: "patch", desired: { interval: null, unit: "C" }, version: 5 })).toEqual({
      kind: "changed",
      desired: { unit: "C", $version: 5 },
    });
  });

  test("that is a patch of a known version does nothing", () => {
    expect(desiredAfter(known, { kind: "patch", desired: { interval: 6 }, version: 4 })).toEqual({ kind: "same" });
  });

  test("that is a patch after a missing one is a gap", () => {
    expect(desiredAfter(known, { kind: "patch", desired: { interval: 6 }, version: 6 })).toEqual({ kind: "gap" });
    expect(desiredAfter(undefined, { kind: "patch", desired: {}, version: 1 })).toEqual({ kind: "gap" });
  });

  test("that has its version in itself counts by that", () => {
    expect(desiredAfter(known, { kind: "patch", desired: { $version: 6 } })).toEqual({ kind: "gap" });
  });

  test("without versions is merged as it comes", () => {
    expect(desiredAfter({ a: 1 }, { kind: "patch", desired: { b: 2 } })).toEqual({
      kind: "changed",
      desired: { a: 1, b: 2 },
    });
  });

  test("has a version only where that is a number", () => {
    expect([versionOf({ $version: 3 }), versionOf({ $version: "3" }), versionOf({})]).toEqual([
      3,
      undefined,
      undefined,
    ]);
  });
});

describe("a patch", () => {
  const object = fc.dictionary(
    fc.string(),
    fc.oneof(fc.integer(), fc.boolean(), fc.array(fc.integer()), fc.dictionary(fc.string(), fc.integer())),
  ) as fc.Arbitrary<JsonObject>;

  test("between two states makes the second one of the first", () => {
    fc.assert(
      fc.property(object, object, (before, after) => {
        expect(mergePatch(before, patchBetween(before, after))).toEqual(after);
      }),
    );
  });

  test("between equal states is empty", () => {
    fc.assert(
      fc.property(object, (state) => {
        expect(patchBetween(state, structuredClone(state))).toEqual({});
      }),
    );
  });

  test("names no member that was not its own", () => {
    const patch = JSON.parse('{"__proto__":{"enabled":false}}');

    const merged = mergePatch({}, patch);

    expect(Object.keys(merged)).toEqual(["__proto__"]);
    expect(Reflect.get({}, "enabled")).toBeUndefined();
  });
});
