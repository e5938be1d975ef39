// Another model of the context takes hold while a provider runs: what is changed, and what goes on as it was.
import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { parseContextConfig } from "../../src/config/context-config.ts";
import type { ReloadPlan } from "../../src/config/planned-change.ts";
import type { TaskRecord } from "../../src/protocol/task-record.ts";
import {
  type Attributes,
  contextXml,
  type RunningContext,
  runContext,
  shell,
  type TaskXml,
} from "../support/context.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

interface Program extends Attributes {
  /** Another one makes it another definition. */
  word?: string;
  /** What it does once it is ready. */
  last?: string;
}

/** Ready once it prints. */
function program(id: string, { word = "one", last = "exec sleep 600", ...supervision }: Program = {}): TaskXml {
  return {
    ...shell(id, `: ${word}; echo ready; ${last}`),
    supervision: { ready_log: "ready", ready_timeout_s: 60, ...supervision },
  };
}

const rolling = { rolling: "true", min_healthy_s: "0" };

const apply = ({ provider }: RunningContext, ...tasks: TaskXml[]) =>
  provider.apply(async () => parseContextConfig(contextXml(tasks)));

const inWords = ({ tasks }: ReloadPlan) =>
  tasks.map(({ task, change, outcome = "-" }) => `${change} ${task} ${outcome}`);

async function pidsOf(context: RunningContext): Promise<{ [id: string]: number | null }> {
  const tasks: TaskRecord[] = await context.client.state("T1");
  return Object.fromEntries(tasks.map(({ service_id, pid }) => [service_id, pid]));
}

test("adds, removes and restarts tasks, and leaves the others their processes", async () => {
  await using context = await runContext(["same", "changed", "gone", "limit"].map((id) => program(id)));
  await context.start("T1");
  const before = await pidsOf(context);

  const done = await apply(
    context,
    ...[program("same"), program("changed", { word: "two" }), program("limit", { grace_s: "3" }), program("new")],
  );

  const after = await pidsOf(context);
  expect(inWords(done)).toEqual([
    ...["same same -", "restart changed success", "removed gone success", "in-place limit success"],
    "added new success",
  ]);
  expect(done.generation).toBe(2);
  expect(Object.keys(after)).toEqual(["same", "changed", "limit", "new"]);
  expect(after).toMatchObject({ same: before.same, limit: before.limit });
  expect(after.changed).not.toBe(before.changed);
  // Nothing is left to do, and what has gone is not started again with the others.
  expect(inWords(await context.provider.plan(async () => context.provider.config))).toEqual(
    ["same", "changed", "limit", "new"].map((id) => `same ${id} -`),
  );
  await context.client.command({ action: "restart", transaction: "T1" }).then(({ settled }) => settled(60_000));
  expect(Object.keys(await pidsOf(context))).toEqual(["same", "changed", "limit", "new"]);
});

test("a task that is renamed starts once its former self has gone", async () => {
  await using context = await runContext([program("old")]);
  await context.start("T1");

  const done = await apply(context, program("new"));

  const moves = await context.log.first(({ phrase, task }) => phrase === "starting" && task === "new");
  const lines = context.log.all;
  expect(inWords(done)).toEqual(["removed old success", "added new success"]);
  expect(lines.findIndex(({ phrase, task }) => phrase === "stopped" && task === "old")).toBeLessThan(
    lines.indexOf(moves),
  );
});

describe("a rolling replacement", () => {
  test("starts the new process, and stops the old one once that is ready", async () => {
    await using context = await runContext([program("web", rolling)]);
    await context.start("T1");
    const { web: before } = await pidsOf(context);

    const done = await apply(context, program("web", { word: "two", ...rolling }));

    const { web: after } = await pidsOf(context);
    const phrases = context.log.all.filter(({ task }) => task === "web").map(({ phrase }) => phrase);
    expect(inWords(done)).toEqual(["rolling web success"]);
    expect(after).not.toBe(before);
    expect(phrases.filter((phrase) => phrase.startsWith("repla") || phrase === "running")).toEqual([
      ...["running", "replacement begun", "replacement ready", "replacement taken over", "running"],
      "replaced run gone",
    ]);
    expect(await context.client.state("T1")).toMatchObject([{ lifecycle: "running", runs: 2 }]);
  });

  test.each([
    [
      "is never ready",
      { last: "exec sleep 600", ready_log: "never", ready_timeout_s: "0.3" },
      /not ready within 0.3 s/,
    ],
    ["ends at once", { last: "exit 3" }, /ended with code 3|came to its end/],
  ])("of one that %s is rolled back, and nothing else is done", async (_, but, reason) => {
    await using context = await runContext([program("web", rolling), program("other")]);
    await context.start("T1");
    const before = await pidsOf(context);

    const failing = program("web", { word: "two", ...rolling, min_healthy_s: "60", ...but });
    const applied = apply(context, failing, program("other", { word: "two" }), program("new"));

    await expect(applied).rejects.toMatchObject({ code: "ERR_ROLLED_BACK", message: expect.stringMatching(reason) });
    expect(await pidsOf(context)).toEqual(before);
    expect(context.provider.generation).toBe(1);
    expect(await context.client.state("T1")).toMatchObject([{ lifecycle: "running", runs: 1 }, { runs: 1 }]);
  });

  test("is given up by a stop, and both processes end", async () => {
    await using context = await runContext([program("web", rolling)]);
    await context.start("T1");
    const slow = { ...program("web", { word: "two", ...rolling, min_healthy_s: "60" }) };

    const applied = apply(context, slow);
    const refused = expect(applied).rejects.toMatchObject({ code: "ERR_ROLLED_BACK" });
    await context.log.first(({ phrase }) => phrase === "replacement ready");
    await context.stop("T1");

    await refused;
    expect(context.provider.living()).toEqual([]);
  });
});

test("two at once go one after the other", async () => {
  await using context = await runContext([program("web")]);
  await context.start("T1");

  const [first, second] = await Promise.all([
    apply(context, program("web", { word: "two" })),
    apply(context, program("web", { word: "three" }), program("new")),
  ]);

  expect([first.generation, second.generation]).toEqual([2, 3]);
  expect(inWords(second)).toEqual(["restart web success", "added new success"]);
});

test("other code of a service is a reason to restart it, and code that does not load changes nothing", async () => {
  await using context = await runContext([{ id: "ts001", instance: "Own" }, program("other")]);
  const path = await context.folder.write("services/Own/ServiceOwn.ts", ownService("one"));
  await context.start("T1");
  const again = () => context.provider.plan(async () => context.provider.config);

  expect(inWords(await again())).toEqual(["same ts001 -", "same other -"]);
  await writeFile(path, ownService("one"));
  expect(inWords(await again())).toEqual(["same ts001 -", "same other -"]);
  await writeFile(path, `import "./missing.js";\n${ownService("two")}`);
  const before = await pidsOf(context);
  await expect(context.provider.apply(async () => context.provider.config)).rejects.toMatchObject({
    code: "ERR_SERVICE_INVALID",
  });
  expect(await pidsOf(context)).toEqual(before);
  await writeFile(path, ownService("two"));
  const { tasks } = await context.provider.apply(async () => context.provider.config);

  expect(tasks).toMatchObject([
    { task: "ts001", change: "restart", reasons: ["its code changed"], outcome: "success" },
    { task: "other", change: "same" },
  ]);
});

function ownService(word: string): string {
  return `// ${word}
import { defineService, defineTask } from "zcontext/tasks";
const task = defineTask({ kind: "looped", async run(scope) { await scope.sleep(600_000); } });
export default defineService({ name: "own", description: "", task });
`;
}
