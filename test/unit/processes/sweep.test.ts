import { expect, test } from "vitest";
import { FORWARDER_RUN } from "../../../src/processes/cookie.ts";
import type { StuckProcess } from "../../../src/processes/signaller.ts";
import { sweepLeftovers, sweepProvider } from "../../../src/processes/sweep.ts";
import { createMachine, OURS, processEntry } from "./machine.ts";

const earlier = { ...OURS, provider: "p1" };

test("what an earlier provider has left is killed at once, and named with that provider", async () => {
  const machine = createMachine(
    processEntry({ pid: 20, cookie: earlier }),
    processEntry({ pid: 21, ppid: 20 }),
    processEntry({ pid: 22, cookie: OURS }),
    processEntry({ pid: 23 }),
  );

  const leftovers = await sweepLeftovers(OURS, machine.access);

  expect(leftovers).toEqual([
    { pid: 20, name: "p20", provider: "p1" },
    { pid: 21, name: "p21", provider: "p1" },
  ]);
  expect(machine.sent.every(({ signal, atMs }) => signal === "SIGKILL" && atMs === 0)).toBe(true);
  expect(machine.living()).toEqual([22, 23]);
});

test("an earlier forwarder is ended last", async () => {
  const machine = createMachine(
    processEntry({ pid: 20, cookie: { ...earlier, run: FORWARDER_RUN } }),
    processEntry({ pid: 21, cookie: earlier }),
  );

  const leftovers = await sweepLeftovers(OURS, machine.access);

  expect(leftovers.map(({ pid }) => pid)).toEqual([21, 20]);
});

test("a sweep is given up after 10 s, and says which processes are still there", async () => {
  const machine = createMachine(processEntry({ pid: 20, cookie: earlier }));
  machine.start(processEntry({ pid: 21, state: "D", cookie: earlier }), { ignores: ["SIGKILL"] });
  const stuck: StuckProcess[][] = [];

  await sweepLeftovers(OURS, { ...machine.access, onStuck: (found) => stuck.push(found) });

  expect(stuck).toEqual([[{ pid: 21, name: "p21", reason: "in state D (uninterruptible)" }]]);
  expect(machine.nowMs()).toBeGreaterThanOrEqual(10_000);
  expect(machine.nowMs()).toBeLessThan(11_000);
});

test("nothing is waited for when all that is left may not be signalled", async () => {
  const machine = createMachine();
  machine.start(processEntry({ pid: 21, cookie: earlier }), { refuses: true });
  const stuck: StuckProcess[][] = [];

  const leftovers = await sweepLeftovers(OURS, { ...machine.access, onStuck: (found) => stuck.push(found) });

  expect(leftovers).toEqual([]);
  expect(stuck).toEqual([[{ pid: 21, name: "p21", reason: "not ours to signal (EPERM)" }]]);
  expect(machine.nowMs()).toBeLessThan(1_000);
});

test("after a provider everything of it is killed, and nothing else", async () => {
  const leader = processEntry({ pid: 20 });
  const machine = createMachine(
    leader,
    processEntry({ pid: 22, cookie: OURS }),
    processEntry({ pid: 23, cookie: earlier }),
  );
  machine.start(processEntry({ pid: 21, group: 20 }), {
    onEnd: () => machine.start(processEntry({ pid: 24, group: 20 })),
  });

  await sweepProvider({ provider: OURS.provider, leaders: [leader] }, machine.access);

  expect(machine.living()).toEqual([23]);
});

test("without a table the groups of a dead provider's leaders are killed blindly", async () => {
  const signals: unknown[] = [];
  const table = { isAvailable: false, read: async () => [], find: () => undefined };

  const leaders = [{ pid: 20, startTicks: 0 }];
  await sweepProvider({ provider: "p2", leaders }, { table, signal: (...sent) => signals.push(sent) });

  expect(signals).toEqual([[-20, "SIGKILL"]]);
});
