import { expect, test } from "vitest";
import { lockFile } from "../../src/launch/process/file-lock.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

test("a locked file is refused to everybody else, who is told by whom, and free once it is let go", async () => {
  await using folder = await makeFolder();
  const path = folder.at("state", "Context.lock");

  const first = await lockFile(path);
  const second = await lockFile(path);
  await ("lock" in first ? first.lock : undefined)?.[Symbol.asyncDispose]();
  const third = await lockFile(path);
  await ("lock" in third ? third.lock : undefined)?.[Symbol.asyncDispose]();

  expect(second).toEqual({ heldBy: expect.stringContaining(`pid ${process.pid} on `) });
  expect(third).toHaveProperty("lock");
});

test("a file that can't be made is not locked, and the reason is told", async () => {
  await using folder = await makeFolder({ state: "a file" });

  expect(await lockFile(folder.at("state", "Context.lock"))).toEqual({
    fault: expect.stringMatching(/^E(NOTDIR|EXIST)/),
  });
});
