import { expect, test } from "vitest";
import { plainName } from "../../../../src/history/segments.ts";
import { openRecorder } from "../../../../tools/service-context/recorder.ts";
import { recordLog } from "../../../support/context.ts";
import { makeFolder } from "../../../support/folder.ts";

test("a file that is none of the history is logged once, however often it is skipped", async () => {
  await using folder = await makeFolder();
  const file = await folder.write("Context-Test.xml", "");
  await folder.write(`.zcontext/Context-Test.history/${plainName(1)}`, "not a record\n");
  const log = recordLog();
  await using recorder = await openRecorder({ history: true }, { file, log });

  for (let times = 0; times < 3; times += 1) for await (const _ of recorder.keptHistory.since(0));

  expect(log.lines.all.map(({ phrase }) => phrase)).toEqual(["history file skipped"]);
});
