import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { openScheduleMemory } from "../../src/context/journal/schedule-file.ts";
import { recordLog } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";

const DAILY = { cron: "@daily", zone: "UTC" };
const FILE = "shop.schedule.json";

test("what one provider has seen is known to the next one, of the same schedule alone", async () => {
  await using folder = await makeFolder({});
  const log = recordLog();
  const place = { folder: folder.path, name: "shop" };
  const first = openScheduleMemory(place, log);
  for (const task of ["backup", "__proto__"]) first.saw(task, DAILY, 1_000);
  first.saw("backup", DAILY, 86_400_000);
  await first[Symbol.asyncDispose]();

  const next = openScheduleMemory(place, log);

  expect([next.seenMs("backup", DAILY), next.seenMs("__proto__", DAILY)]).toEqual([86_400_000, 1_000]);
  expect(next.seenMs("backup", { cron: "@hourly", zone: "UTC" })).toBeUndefined();
  expect(next.seenMs("backup", { cron: "@daily" })).toBeUndefined();
  expect(next.seenMs("other", DAILY)).toBeUndefined();
});

test.each(["", "{", "[]", `{"tasks":{"backup":{"cron":"@daily","seen":"yesterday"}}}`])(
  "a file that can't be read is told, and written anew: %s",
  async (text) => {
    await using folder = await makeFolder({ [FILE]: text });
    const log = recordLog();
    const memory = openScheduleMemory({ folder: folder.path, name: "shop" }, log);

    expect(memory.seenMs("backup", DAILY)).toBeUndefined();
    memory.saw("backup", DAILY, 1_000);
    await memory[Symbol.asyncDispose]();

    expect(log.lines.all.map(({ phrase }) => phrase)).toEqual(["times of schedules can't be read"]);
    expect(JSON.parse(await readFile(folder.at(FILE), "utf8"))).toEqual({
      tasks: { backup: { ...DAILY, seen: "1970-01-01T00:00:01.000Z" } },
    });
  },
);

test("a folder that can't be written is told once, and what was seen is known until the end", async () => {
  await using folder = await makeFolder({});
  const log = recordLog();
  const memory = openScheduleMemory({ folder: folder.at("gone"), name: "shop" }, log);

  for (const atMs of [1_000, 2_000]) {
    memory.saw("backup", DAILY, atMs);
    await memory[Symbol.asyncDispose]();
  }

  expect(memory.seenMs("backup", DAILY)).toBe(2_000);
  expect(log.lines.all.map(({ phrase }) => phrase)).toEqual(["times of schedules can't be kept"]);
});
