import fc from "fast-check";
import { expect, test } from "vitest";
import { type ClearOptions, clearTree } from "../../../src/processes/clear.ts";
import type { StuckProcess } from "../../../src/processes/signaller.ts";
import { createTree, snapshotTree } from "../../../src/processes/tree.ts";
import { createMachine, type Machine, type Nature, OURS, processEntry } from "./machine.ts";

const leader = processEntry({ pid: 10 });
const tree = createTree(leader, OURS.run);
const member = (pid: number) => processEntry({ pid, group: 10, session: 10 });
const polite = { stopSignal: "SIGTERM", graceMs: 1_000 } as const;
const ignoring: Nature = { ignores: ["SIGTERM"] };

function clear(machine: Machine, options: Partial<ClearOptions> = {}) {
  return clearTree(tree, { ...machine.access, ...polite, ...options });
}

test("where no process is left none is signalled", async () => {
  const machine = createMachine(processEntry({ pid: 20 }), { ...leader, state: "Z" });

  const ended = await clear(machine).done;

  expect(ended).toEqual([]);
  expect(machine.sent).toEqual([]);
});

test("each that is left is asked once, and named when it has ended", async () => {
  const machine = createMachine(member(11), processEntry({ pid: 12, cookie: OURS }), processEntry({ pid: 20 }));

  const ended = await clear(machine, { stopSignal: "SIGINT" }).done;

  expect(ended).toEqual([
    { pid: 11, name: "p11", signal: "SIGINT" },
    { pid: 12, name: "p12", signal: "SIGINT" },
  ]);
  expect(machine.living()).toEqual([20]);
});

test("a process that ignores the stop signal is killed when the grace period is over", async () => {
  const machine = createMachine(member(12));
  machine.start(member(11), ignoring);

  const ended = await clear(machine).done;

  expect(machine.sent).toEqual([
    { pid: 12, signal: "SIGTERM", atMs: 0 },
    { pid: 11, signal: "SIGTERM", atMs: 0 },
    { pid: 11, signal: "SIGKILL", atMs: 1_000 },
  ]);
  expect(ended.map(({ pid, signal }) => [pid, signal])).toEqual([
    [12, "SIGTERM"],
    [11, "SIGKILL"],
  ]);
});

test("without a grace period all processes are killed at once", async () => {
  const machine = createMachine(member(11), member(12));

  await clear(machine, { graceMs: 0 }).done;

  expect(machine.sent.map(({ signal, atMs }) => [signal, atMs])).toEqual([
    ["SIGKILL", 0],
    ["SIGKILL", 0],
  ]);
});

test("the grace period can be ended", async () => {
  const machine = createMachine();
  machine.start(member(11), ignoring);

  const clearing = clear(machine);
  machine.at(300, clearing.killNow);
  await clearing.done;

  expect(machine.sent).toEqual([
    { pid: 11, signal: "SIGTERM", atMs: 0 },
    { pid: 11, signal: "SIGKILL", atMs: expect.closeTo(300, -2) },
  ]);
});

test("a process that starts while others are asked to stop is asked as well", async () => {
  const machine = createMachine();
  machine.start(member(11), { onEnd: () => machine.start(member(12)) });

  const ended = await clear(machine).done;

  expect(ended.map(({ pid, signal }) => [pid, signal])).toEqual([
    [11, "SIGTERM"],
    [12, "SIGTERM"],
  ]);
});

test("a process that starts while others are killed is killed as well", async () => {
  const machine = createMachine();
  const startNext = (pid: number) => {
    if (pid <= 30) machine.start(member(pid), { onEnd: () => startNext(pid + 1) });
  };
  startNext(11);

  const ended = await clear(machine, { graceMs: 0 }).done;

  expect(ended).toHaveLength(20);
  expect(machine.living()).toEqual([]);
});

test("an orphan that hides everything is found when it was seen as a descendant", async () => {
  const orphan = processEntry({ pid: 11, ppid: 10 });
  const seen = snapshotTree(tree, [leader, orphan]);
  const machine = createMachine({ ...orphan, ppid: 1 }, processEntry({ pid: 12 }));

  await clearTree(seen, { ...machine.access, ...polite }).done;

  expect(machine.living()).toEqual([12]);
});

test("a process that becomes such an orphan during the clearing is found too", async () => {
  const machine = createMachine(member(11));
  machine.start(processEntry({ pid: 12, ppid: 11 }), ignoring);

  const ended = await clear(machine).done;

  expect(machine.living()).toEqual([]);
  expect(ended.map(({ pid, signal }) => [pid, signal])).toEqual([
    [11, "SIGTERM"],
    [12, "SIGKILL"],
  ]);
});

test("a process that has got the pid of a member meanwhile is not signalled", async () => {
  const machine = createMachine(processEntry({ pid: 11, startTicks: 500 }));
  const { table } = machine.access;
  const looks = [[member(11)], [processEntry({ pid: 11, startTicks: 500 })]];
  const late = { ...table, read: async () => looks.shift() ?? table.read() };

  const ended = await clear(machine, { table: late }).done;

  expect(ended).toEqual([]);
  expect(machine.sent).toEqual([]);
});

test("a process that may not be signalled is stuck, and tried again until it is gone", async () => {
  const machine = createMachine(member(12));
  machine.start(member(11), { refuses: true });
  machine.at(16_000, () => machine.end(11));
  const stuck: StuckProcess[][] = [];

  const ended = await clear(machine, { graceMs: 0, onStuck: (found) => stuck.push(found) }).done;

  expect(stuck).toEqual([[{ pid: 11, name: "p11", reason: "not ours to signal (EPERM)" }]]);
  expect(machine.sent.filter(({ pid }) => pid === 11)).toHaveLength(4);
  expect(ended.map(({ pid }) => pid)).toEqual([12]);
});

test("a process that outlives its SIGKILL by 2 s is stuck, and tried again every 5 s", async () => {
  const machine = createMachine();
  machine.start({ ...member(11), state: "D" }, { ignores: ["SIGTERM", "SIGKILL"] });
  machine.start(member(12), { ignores: ["SIGTERM", "SIGKILL"] });
  machine.at(22_000, () => machine.end(11));
  machine.at(22_000, () => machine.end(12));
  const stuck: unknown[] = [];

  const onStuck = (found: StuckProcess[]) => stuck.push(found, machine.nowMs());
  await clear(machine, { graceMs: 0, onStuck }).done;

  expect(stuck).toEqual([
    [
      { pid: 11, name: "p11", reason: "in state D (uninterruptible)" },
      { pid: 12, name: "p12", reason: "in state S in spite of SIGKILL" },
    ],
    expect.closeTo(2_100, -3),
  ]);
  const gaps = machine.sent
    .filter(({ pid }) => pid === 11)
    .map(({ atMs }, index, all) => atMs - (all[index - 1]?.atMs ?? 0));
  expect(gaps.length).toBeGreaterThanOrEqual(3);
  for (const gap of gaps.slice(1)) expect(gap).toBeGreaterThanOrEqual(5_000);
});

test("a table that can't be read for a while is not taken for an empty one", async () => {
  const machine = createMachine(member(11));
  const { table } = machine.access;
  let failures = 3;
  const read = async () => {
    failures -= 1;
    if (failures >= 0) throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
    return table.read();
  };

  const ended = await clear(machine, { table: { ...table, read } }).done;

  expect(ended.map(({ pid }) => pid)).toEqual([11]);
});

test("without a table the group is killed, once and blindly", async () => {
  const signals: unknown[] = [];
  const table = { isAvailable: false, read: async () => [], find: () => undefined };

  const ended = await clear(createMachine(), { table, signal: (...sent) => signals.push(sent) }).done;

  expect(ended).toEqual([]);
  expect(signals).toEqual([[-10, "SIGKILL"]]);
});

/** A process of the tree: how it is to be found, what it ignores, and what it starts when it ends. */
const anyMember = fc.record({
  found: fc.constantFrom("group", "session", "cookie", "descent"),
  ignoresStop: fc.boolean(),
  successors: fc.nat(2),
});

test("whatever processes do, none of the tree is left, no other process is touched, and none is killed before its time", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyMember, { minLength: 1, maxLength: 8 }), fc.nat(500), async (shapes, graceMs) => {
      const machine = createMachine(processEntry({ pid: 5 }), processEntry({ pid: 6, ppid: 5 }));
      let pid = 10;
      const start = ({ found, ignoresStop, successors }: (typeof shapes)[number], ppid: number) => {
        pid += 1;
        const evidence = {
          group: { group: 10 },
          session: { session: 10 },
          cookie: { cookie: OURS },
          // Only a process that was seen beside its parent is known to descend from it.
          descent: ppid === 1 ? { cookie: OURS } : { ppid },
        }[found];
        machine.start(processEntry({ pid, ...evidence }), {
          ignores: ignoresStop ? ["SIGTERM"] : [],
          onEnd() {
            for (let left = successors; left > 0; left -= 1) start({ found, ignoresStop, successors: 0 }, 1);
          },
        });
        return pid;
      };
      shapes.reduce((parent, shape) => start(shape, parent), 1);

      await clear(machine, { graceMs }).done;

      expect(machine.living()).toEqual([5, 6]);
      const kills = machine.sent.filter(({ signal }) => signal === "SIGKILL");
      expect(kills.every(({ atMs }) => atMs >= graceMs)).toBe(true);
      const asked = machine.sent.filter(({ signal }) => signal === "SIGTERM").map((one) => one.pid);
      expect(new Set(asked).size).toBe(asked.length);
    }),
  );
});
