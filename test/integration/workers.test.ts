// Services that run the program of their own process once more.
import { expect, test } from "vitest";
import { type RunningContext, runContext, type TaskXml } from "../support/context.ts";
import { isLiving, leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

function forks(way: string, configuration = ""): TaskXml {
  return { id: "ts_1", instance: "ForksWorkers", configuration: `<way>${way}</way>${configuration}` };
}

/** Resolves with the first line of the task that the pattern matches. */
async function untilPrinted({ log }: RunningContext, pattern: RegExp): Promise<string> {
  const { line } = await log.first(({ phrase, line }) => phrase === "output" && pattern.test(String(line)), {
    what: `a line that matches ${pattern}`,
  });
  return String(line);
}

test.each(["cluster", "fork"])("a worker by %s runs the service, and is stopped with it", async (way) => {
  await using context = await runContext([forks(way)]);

  const [record] = await context.start("T1");
  const { status } = await context.untilSaid("ts_1", "updated");
  const worker = status.worker as number;
  const wasLiving = await isLiving(worker);
  const [gone] = await context.stop("T1");

  expect(record).toMatchObject({ lifecycle: "running", runs: 1 });
  expect(worker).not.toBe(record?.pid);
  expect([wasLiving, await isLiving(worker)]).toEqual([true, false]);
  expect(gone).toMatchObject({ lifecycle: "stopped" });
  expect(context.heard.all.filter(({ header }) => header.action === "started")).toHaveLength(1);
});

test.each(["spawn", "thread"])("a service that runs its program by %s is told what to do instead", async (way) => {
  await using context = await runContext([forks(way)]);

  const [record] = await context.start("T1");
  const line = await untilPrinted(context, /has started the program/);
  await untilPrinted(context, /^ended with 1$/);
  await context.stop("T1");

  expect(record).toMatchObject({ lifecycle: "running" });
  expect(line).toContain('fork(new URL("./worker.js", import.meta.url))');
});

test("a worker of a task whose configuration is too long says so", async () => {
  await using context = await runContext([forks("fork", `<table>${"0.12345 ".repeat(17_500)}</table>`)]);

  await context.start("T1");
  const line = await untilPrinted(context, /too long a configuration/);
  await untilPrinted(context, /^ended with 1$/);
  await context.stop("T1");

  expect(line).toContain("start a file of your own");
});
