import { expect, test } from "vitest";
import { parseFdInfo, socketInode } from "../../../src/monitor/open-files.ts";

test("an open file tells where it stands and how it was opened", () => {
  expect(parseFdInfo("pos:\t4096\nflags:\t0100001\nmnt_id:\t24\nino:\t3\n")).toEqual({
    position: 4096,
    mode: "w",
    flags: 0o100001,
  });
});

test.each([
  ["00", "r"],
  ["01", "w"],
  ["02", "r+"],
  ["02001", "a"],
  ["02002", "a+"],
  ["02000", "r"],
])("flags %s are the mode %s", (flags, mode) => {
  expect(parseFdInfo(`pos:\t0\nflags:\t${flags}\n`)?.mode).toBe(mode);
});

test("a text cut short is no file", () => {
  expect(parseFdInfo("pos:\t0\n")).toBeUndefined();
  expect(parseFdInfo("")).toBeUndefined();
});

test("a link to a socket names its inode, any other none", () => {
  expect(socketInode("socket:[3480993]")).toBe("3480993");
  expect(["/srv/socket:[1]", "pipe:[7]", "anon_inode:[eventpoll]", ""].map(socketInode)).toEqual(
    Array(4).fill(undefined),
  );
});
