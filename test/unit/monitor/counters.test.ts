import { expect, test } from "vitest";
import { parseContextSwitches, parseFileLimit, parseIo } from "../../../src/monitor/counters.ts";

const STATUS = `Name:\tnode
Umask:\t0022
Threads:\t11
voluntary_ctxt_switches:\t415
nonvoluntary_ctxt_switches:\t38
`;

const IO = `rchar: 3107
wchar: 12
syscr: 9
syscw: 3
read_bytes: 40960
write_bytes: 8192
cancelled_write_bytes: 77
`;

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units     
Max processes             63448                63448                processes 
Max open files            1024                 524288               files     
Max locked memory         8388608              8388608              bytes     
`;

test("switches that were wanted are withoutUndefined from those that were not", () => {
  expect(parseContextSwitches(STATUS)).toEqual({ voluntary: 415, involuntary: 38 });
});

test("of input and output, what storage had to do with counts", () => {
  expect(parseIo(IO)).toEqual({ read_bytes: 40_960, write_bytes: 8_192 });
});

test("the limit of open files is the soft one", () => {
  expect(parseFileLimit(LIMITS)).toBe(1_024);
});

test("no limit is none", () => {
  expect(parseFileLimit(LIMITS.replace("1024  ", "unlimited"))).toBeUndefined();
});

test("a process named like a label changes nothing", () => {
  expect(parseContextSwitches(STATUS.replace("node", "voluntary_ctxt_switches: 9"))).toEqual({
    voluntary: 415,
    involuntary: 38,
  });
});

test.each([
  ["is empty", ""],
  ["is cut short", "rchar: 1\nread_bytes: 5\n"],
  ["is another", "what is this"],
])("a text that %s tells nothing", (_, text) => {
  expect(parseContextSwitches(text)).toBeUndefined();
  expect(parseIo(text)).toBeUndefined();
  expect(parseFileLimit(text)).toBeUndefined();
});
