import { describe, expect, test } from "vitest";
import { isForwarded, NO_MEMORY, readMemory, stateAfter, twinOf } from "../../../../src/hub/com/node-state.ts";
import { INITIAL_STATE } from "../../../../src/hub/contract/twin.ts";

const wants = (state: object) => ({ "msb-state": { ...state } });

describe("the state of a node", () => {
  test("is that of its twin", () => {
    expect(stateAfter(NO_MEMORY, wants({ enabled: false, debug: true }))).toEqual({
      enabled: false,
      debug: true,
      tracking: false,
    });
  });

  test("is what a command has made of it until the twin says something else of the same", () => {
    const told = { ...NO_MEMORY, desired: wants({ debug: false }), state: { ...INITIAL_STATE, debug: true } };

    expect(stateAfter(told, wants({ debug: false, enabled: false }))).toMatchObject({ debug: true, enabled: false });
    expect(stateAfter({ ...told, desired: wants({ debug: true }) }, wants({ debug: false }))).toMatchObject({
      debug: false,
    });
  });

  test("is a part of what is reported, beside what services have reported", () => {
    expect(twinOf({ ...NO_MEMORY, reported: { interval: 5 } })).toEqual({
      desired: {},
      reported: { interval: 5, "msb-state": INITIAL_STATE },
    });
  });
});

test("a memory is read as it was written, and nothing else is", () => {
  const memory = { state: { enabled: false, debug: true, tracking: false }, desired: { a: 1 }, reported: {} };

  expect(readMemory(JSON.parse(JSON.stringify(memory)))).toEqual(memory);
  expect(readMemory({ ...memory, state: { enabled: 1 } })).toBeUndefined();
  expect(readMemory([])).toBeUndefined();
});

test.each([
  [{ debug: false, tracking: false }, []],
  [{ debug: false, tracking: true }, ["error", "track"]],
  [{ debug: true, tracking: false }, ["debug", "error", "track", "warning"]],
])("with %j the hub gets %j", (state, levels) => {
  expect(["debug", "error", "track", "warning"].filter((level) => isForwarded(state, level))).toEqual(levels);
});
