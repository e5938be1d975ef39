// A program that runs at times, from the command that adds it to what people are told of it.
import { expect, test } from "vitest";
import { run, startCommand } from "../support/command.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

test("a program of a schedule runs at its times until it is stopped, also under the next provider", async () => {
  await using folder = await makeFolder({});
  const file = folder.at("Context-Night.xml");
  const zcontext = async (verb: string, ...words: string[]) => run("zcontext", [verb, "-f", file, ...words]);
  const added = await zcontext("new", "backup", "--command", "echo saved", "--schedule", "* * * * * *");
  expect(added).toMatchObject({ code: 0 });
  expect(await zcontext("new", "late", "--command", "true", "--schedule", "0 25 * * *")).toMatchObject({ code: 2 });
  await using provider = startCommand("zcontext", ["run", file]);
  const starts = ({ stderr }: typeof provider, count: number) =>
    stderr.first(() => stderr.all.filter((line) => line.includes(`starting     by="its schedule"`)).length >= count);

  await starts(provider, 2);
  const [running] = JSON.parse((await zcontext("status", "--json")).stdout.join("")).tasks;
  expect(Date.parse(running.next_run)).toBeGreaterThan(0);
  const why = await zcontext("why", "--task_id", "backup");
  expect(why.stdout.join("\n")).toMatch(/backup was started, run \d+ by its schedule/);

  provider.signal("SIGKILL");
  await provider.exit;
  await using next = startCommand("zcontext", ["run", file]);
  await starts(next, 1);
  await zcontext("stop", "--task_id", "backup");
  await next.stderr.first((line) => line.includes("transaction ended"));
  next.signal("SIGINT");
  expect(await next.exit).toBe(0);
});
