// `zcontext announce`, as a shell script that is a task uses it.
import { expect, test } from "vitest";
import { finish, programOf, run, startCommand } from "../support/command.ts";
import { contextXml, shell } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

test("what a script announces fires the triggers of its task", async () => {
  const announce = `'${process.execPath}' '${programOf("zcontext")}' announce`;
  const script = `${announce} started && ${announce} updated n=1 && ${announce} failed reason="disk full"; exit 3`;
  const task = {
    ...{ ...shell("ts_1", script), readyAfterS: 86_400 },
    triggers: { on_start: "start ts_2", on_update: "start ts_3", on_fail: "start ts_4" },
  };
  const others = ["ts_2", "ts_3", "ts_4"].map((id) => ({ ...shell(id, "exit 0"), entry: "on_demand" }));
  await using folder = await makeFolder({ "Context-Test.xml": contextXml([task, ...others]) });

  await using provider = startCommand("service-context", [
    ...[folder.at("Context-Test.xml"), "--start", "T1", "--until-done", "--log-format", "json"],
  ]);
  const { code, stderr } = await finish(provider);
  const lines = stderr.map((line) => JSON.parse(line));

  expect(code).toBe(1);
  expect(lines.flatMap(({ msg, task: id }) => (msg.startsWith("trigger") ? `${id} ${msg}` : []))).toEqual([
    "ts_1 trigger on_start",
    "ts_1 trigger on_update",
    "ts_1 trigger on_fail",
  ]);
  expect(lines.find(({ msg }) => msg === "trigger on_fail")).toMatchObject({ reason: "disk full" });
  expect(lines.filter(({ msg }) => msg === "exited").map(({ task: id }) => id)).toEqual(
    expect.arrayContaining(["ts_2", "ts_3", "ts_4"]),
  );
});

test("outside of a task there is nothing to announce", async () => {
  const { code, stderr } = await run("zcontext", ["announce", "updated", "n=1"]);

  expect(code).toBe(2);
  expect(stderr.join("\n")).toContain("there is no task here that could announce anything (ERR_USAGE)");
});
