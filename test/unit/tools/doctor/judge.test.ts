import { describe, expect, test } from "vitest";
import { type ContextFacts, judge, type MachineFacts } from "../../../../tools/doctor/judge.ts";

const MACHINE: MachineFacts = {
  node: "20.19.0",
  hasProc: true,
  programs: new Set(["setpriv", "prlimit", "nice", "mkfifo"]),
  initProblem: undefined,
  libraries: new Map([
    ["zeromq", undefined],
    ["lmdb", undefined],
  ]),
  filesMax: 1_024,
  runFolder: "/dev/shm/zcontext-0",
  countsOom: true,
  python: { version: "3.11.2", hasZmq: true },
  peers: new Set(),
  clock: "tsc",
};
const CONTEXT: ContextFacts = {
  file: "Context-Shop.xml",
  tasks: 3,
  usesPython: false,
  engine: "zeromq",
  stateFault: undefined,
  stateFolder: "/srv/.zcontext",
  freeMib: 5_000,
  logsMib: 1_024,
  portFaults: [],
  isRunning: false,
};

/** What is not well, as `check weight`. */
function faults(machine: Partial<MachineFacts>, context?: Partial<ContextFacts>): string[] {
  const findings = judge({ ...MACHINE, ...machine }, context && { ...CONTEXT, ...context }, (tasks, filesMax) =>
    filesMax < 500 + 16 * tasks ? 500 + 16 * tasks : undefined,
  );
  return findings.flatMap(({ check, weight }) => (weight === "ok" ? [] : [`${check} ${weight}`]));
}

test("a machine with everything has no fault, with a context and without", () => {
  expect(faults({})).toEqual([]);
  expect(faults({}, {})).toEqual([]);
});

describe("a provider can't do without", () => {
  test.each([
    ["a newer Node", { node: "20.18.9" }, "Node missing"],
    ["its libraries", { libraries: new Map([["zeromq", "no native build"]]) }, "zeromq missing"],
    ["a place where it is found", { runFolder: undefined }, "run folder missing"],
    ["its descriptors", { filesMax: 256 }, "open files missing"],
  ])("%s", (_, machine, fault) => {
    expect(faults(machine)).toEqual([fault]);
  });

  test.each(["22.0.0", "20.19.1", "26.1.0"])("Node %s, which will do", (node) => {
    expect(faults({ node })).toEqual([]);
  });
});

describe("a provider does without", () => {
  test.each([
    ["setpriv", { programs: new Set(["prlimit", "nice", "mkfifo"]) }, "setpriv warning"],
    ["an init", { initProblem: "the provider is process 1" }, "init warning"],
    ["Python", { python: undefined }, "Python warning"],
    ["the count of the OOM killer", { countsOom: false }, "OOM killer warning"],
    ["a fast clock", { clock: "hpet" }, "clock warning"],
  ])("%s, and it is told what follows", (_, machine, fault) => {
    expect(faults(machine)).toEqual([fault]);
  });
});

describe("a context can't do without", () => {
  test.each([
    ["Python, if a service is in Python", { python: undefined }, { usesPython: true }, "Python missing"],
    ["pyzmq then", { python: { version: "3.9", hasZmq: false } }, { usesPython: true }, "Python missing"],
    ["the library of its server", {}, { engine: "rabbitmq" }, "amqplib missing"],
    ["its state folder", {}, { stateFault: "EACCES" }, "state folder missing"],
    ["its ports", {}, { portFaults: ["tcp://127.0.0.1:5556: EADDRINUSE"] }, "ports missing"],
    ["descriptors for all its tasks", {}, { tasks: 100 }, "open files missing"],
  ])("%s", (_, machine, context, fault) => {
    expect(faults(machine, context)).toEqual([fault]);
  });

  test("disk for its logs, for a while only", () => {
    expect(faults({}, { freeMib: 100 })).toEqual(["disk warning"]);
  });
});

test("each fault says what follows", () => {
  const findings = judge({ ...MACHINE, programs: new Set(), python: undefined }, undefined, () => undefined);

  expect(findings.filter(({ weight, follows }) => weight !== "ok" && follows === undefined)).toEqual([]);
});
