import { describe, expect, test } from "vitest";
import { enqueue, type Notice, readManager, reloadingNotice } from "../../../../tools/systemd/notices.ts";

describe("a provider", () => {
  test("without a service manager tells nobody", () => {
    expect(readManager({}, 7)).toBeUndefined();
    expect(readManager({ NOTIFY_SOCKET: "" }, 7)).toBeUndefined();
  });

  test("gives a sign of life in half of the time that is waited for one", () => {
    const env = { NOTIFY_SOCKET: "/run/notify", WATCHDOG_USEC: "30000000" };

    expect(readManager(env, 7)).toEqual({ socket: "/run/notify", watchdogMs: 15_000 });
    expect(readManager({ ...env, WATCHDOG_PID: "7" }, 7)).toMatchObject({ watchdogMs: 15_000 });
  });

  test.each([
    ["another process is watched", { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "8" }],
    ["the time is none", { WATCHDOG_USEC: "0" }],
    ["the time is no number", { WATCHDOG_USEC: "soon" }],
    ["none is waited for", {}],
  ])("gives none where %s", (_, env) => {
    expect(readManager({ NOTIFY_SOCKET: "/run/notify", ...env }, 7)).toEqual({
      socket: "/run/notify",
      watchdogMs: undefined,
    });
  });
});

describe("notices that wait to be sent", () => {
  const queued = (...notices: Notice[]) => notices.reduce<Notice[]>(enqueue, []);

  test("have the last word on the status, and one sign of life", () => {
    expect(queued(["STATUS=1"], ["WATCHDOG=1"], ["STATUS=2"], ["WATCHDOG=1"])).toEqual([["STATUS=2"], ["WATCHDOG=1"]]);
  });

  test("keep a reload between two times of being ready", () => {
    const [ready, reloading] = [["READY=1", "STATUS=up"], reloadingNotice(5n)];

    expect(queued(reloading, ready)).toEqual([["RELOADING=1", "MONOTONIC_USEC=5"], ready]);
  });

  test("keep that it is ready, whatever its status is later", () => {
    expect(queued(["READY=1", "STATUS=up"], ["STATUS=1 task runs"])).toHaveLength(2);
  });
});
