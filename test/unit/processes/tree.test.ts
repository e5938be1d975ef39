import fc from "fast-check";
import { expect, test } from "vitest";
import { FORWARDER_RUN } from "../../../src/processes/cookie.ts";
import type { ProcessEntry } from "../../../src/processes/stat.ts";
import {
  createTree,
  leftoversOf,
  membersOf,
  processesOfProvider,
  snapshotTree,
  type Tree,
} from "../../../src/processes/tree.ts";
import { OURS, processEntry } from "./machine.ts";

const OWN = 9;
const own = processEntry({ pid: OWN, ppid: 8 });
const leader = processEntry({ pid: 10, ppid: OWN });
const tree = createTree(leader, OURS.run);
const pids = (entries: readonly ProcessEntry[]) => entries.map(({ pid }) => pid).sort((one, other) => one - other);
const members = (entries: readonly ProcessEntry[], of: Tree = tree) => pids(membersOf([own, ...entries], of, OWN));

test("a tree is its leader, the leader's group, and the leader's session", () => {
  const inGroup = processEntry({ pid: 11, group: 10, session: 3 });
  const inSession = processEntry({ pid: 12, session: 10 });
  const stranger = processEntry({ pid: 13 });

  expect(members([leader, inGroup, inSession, stranger])).toEqual([10, 11, 12]);
  expect(members([inGroup, inSession, stranger])).toEqual([11, 12]);
});

test("a process that has left group and session belongs to the tree by its cookie", () => {
  const daemon = processEntry({ pid: 11, cookie: OURS });
  const ofAnotherRun = processEntry({ pid: 12, cookie: { ...OURS, run: "r2" } });

  expect(members([daemon, ofAnotherRun])).toEqual([11]);
});

test("a descendant of a member is one, at any depth and whatever it hides", () => {
  const daemon = processEntry({ pid: 30, cookie: OURS });
  const child = processEntry({ pid: 20, ppid: 30 });
  const grandchild = processEntry({ pid: 15, ppid: 20 });

  expect(members([grandchild, child, daemon])).toEqual([15, 20, 30]);
});

test("a process that was seen to descend from a member stays one when it is an orphan", () => {
  const child = processEntry({ pid: 11, ppid: 10 });
  const seen = snapshotTree(tree, [leader, child], OWN);

  expect(members([{ ...child, ppid: 1 }], seen)).toEqual([11]);
  expect(members([{ ...child, ppid: 1, startTicks: 101 }], seen)).toEqual([]);
});

test("group and session prove nothing once another process has the leader's pid", () => {
  const other = processEntry({ pid: 10, startTicks: 500 });
  const child = processEntry({ pid: 11, ppid: 10, group: 10, session: 10, startTicks: 501 });
  const daemon = processEntry({ pid: 12, cookie: OURS });

  expect(members([other, child, daemon])).toEqual([12]);
  expect(members([{ ...other, state: "Z" }, child, daemon])).toEqual([12]);
});

test("the dead are no members", () => {
  const dead = ["Z", "X"].map((state, index) => processEntry({ pid: 11 + index, group: 10, state }));

  expect(members([{ ...leader, state: "Z" }, ...dead])).toEqual([]);
});

test("neither we nor init are ever members, nor is a descendant of us alone", () => {
  const init = processEntry({ pid: 1, ppid: 0, cookie: OURS });
  const ourselves = { ...own, group: 10, cookie: OURS };
  const otherTask = processEntry({ pid: 20, ppid: OWN });

  expect(pids(membersOf([init, ourselves, otherTask, leader], tree, OWN))).toEqual([10]);
});

const anyEntry: fc.Arbitrary<ProcessEntry> = fc
  .record({
    pid: fc.integer({ min: 1, max: 25 }),
    ppid: fc.integer({ min: 0, max: 25 }),
    group: fc.integer({ min: 8, max: 14 }),
    session: fc.integer({ min: 8, max: 14 }),
    state: fc.constantFrom("S", "R", "Z"),
    startTicks: fc.constantFrom(100, 101),
    run: fc.constantFrom("r1", "r2", undefined),
  })
  .map(({ run, ...rest }) => processEntry({ ...rest, ...(run && { cookie: { ...OURS, run } }) }));
const anyTable = fc.uniqueArray(anyEntry, { selector: ({ pid }) => pid, maxLength: 25 });

test("whatever the table shows, no zombie, nor we, nor init are members, and each living child of a member is", () => {
  fc.assert(
    fc.property(anyTable, (entries) => {
      const found = membersOf(entries, tree, OWN);

      expect(found.every(({ pid, state }) => state !== "Z" && pid !== OWN && pid !== 1)).toBe(true);
      const children = entries.filter(
        ({ pid, ppid, state }) => state !== "Z" && pid !== OWN && pid !== 1 && found.some((one) => one.pid === ppid),
      );
      expect(found).toEqual(expect.arrayContaining(children));
      expect(pids(membersOf(entries, snapshotTree(tree, entries, OWN), OWN))).toEqual(pids(found));
    }),
  );
});

test("a process that an earlier provider of the context has left is a leftover, with all its descendants", () => {
  const left = processEntry({ pid: 20, cookie: { ...OURS, provider: "p1" } });
  const child = processEntry({ pid: 21, ppid: 20 });
  const ours = processEntry({ pid: 22, cookie: OURS });
  const ofAnotherContext = processEntry({ pid: 23, cookie: { ...OURS, context: "c2", provider: "p1" } });

  const found = leftoversOf([own, left, child, ours, ofAnotherContext], OURS, OWN);

  expect(found.map(({ process, provider }) => [process.pid, provider])).toEqual([
    [20, "p1"],
    [21, "p1"],
  ]);
});

test("neither we nor those we descend from are leftovers", () => {
  const cookie = { ...OURS, provider: "p1" };
  const ancestors = [processEntry({ pid: 7, cookie }), processEntry({ pid: 8, ppid: 7, cookie }), { ...own, cookie }];
  const sibling = processEntry({ pid: 21, ppid: 8, cookie });

  const found = leftoversOf([...ancestors, sibling], OURS, OWN);

  expect(found.map(({ process }) => process.pid)).toEqual([21]);
});

test("an earlier forwarder is a leftover only when no other process is", () => {
  const forwarder = processEntry({ pid: 20, cookie: { context: "c1", provider: "p1", run: FORWARDER_RUN } });
  const task = processEntry({ pid: 21, cookie: { ...OURS, provider: "p1" } });
  const left = (...entries: ProcessEntry[]) => leftoversOf(entries, OURS, OWN).map(({ process }) => process.pid);

  expect(left(forwarder, task)).toEqual([21]);
  expect(left(forwarder)).toEqual([20]);
});

test("a dead provider's processes are those with its cookie, those of its leaders, and the descendants of either", () => {
  const inGroup = processEntry({ pid: 11, group: 10 });
  const daemon = processEntry({ pid: 12, cookie: OURS });
  const child = processEntry({ pid: 13, ppid: 12 });
  const stranger = processEntry({ pid: 14 });
  const reused = processEntry({ pid: 15, startTicks: 500 });
  const leaders = [leader, { pid: 15, startTicks: 100 }];

  const processes = processesOfProvider(
    [own, leader, inGroup, daemon, child, stranger, reused],
    { provider: "p2", leaders },
    OWN,
  );

  expect(pids(processes)).toEqual([10, 11, 12, 13]);
});

test("a process with another provider's cookie is none of a dead provider's, in whatever tree it is", () => {
  const nested = processEntry({ pid: 11, ppid: 10, group: 10, cookie: { ...OURS, provider: "p3" } });
  const itsChild = processEntry({ pid: 12, ppid: 11 });

  expect(pids(processesOfProvider([leader, nested, itsChild], { provider: "p2", leaders: [leader] }, OWN))).toEqual([
    10,
  ]);
});
