import { expect, test } from "vitest";
import type { ProcessWatch } from "../../src/context/provider/provider.ts";
import { deferred } from "../../src/deferred.ts";
import { connectLink } from "../../src/link/link.ts";
import { startMonitor } from "../../src/monitor/publish.ts";
import { createSampler } from "../../src/monitor/sample.ts";
import type { Endpoints } from "../../src/protocol/endpoints.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { runContext, type TaskXml } from "../support/context.ts";
import { listen } from "../support/link.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { awaitEvents } from "../support/recording.ts";

leaveNoProcess();

const watch = (source: Omit<Parameters<typeof startMonitor>[0], "sampler">) =>
  startMonitor({ sampler: createSampler(), periodMs: 100, ...source });

/** Holds a file of the context's folder open, and says so. */
const holder: TaskXml = {
  id: "ts_1",
  instance: "Program",
  serviceType: "Executable",
  command: "sh",
  arguments: ["-c", "exec 9<Context-Test.xml; echo held; sleep 1000; exit"],
  readyAfterS: 0,
};

/** Listens to the figures of the one task of T1. */
async function hearFigures({ endpoints }: { endpoints: Endpoints }) {
  const heard = awaitEvents<JsonObject>("figures", (figures) => Object.keys(figures).join(" "));
  const link = await connectLink(endpoints, {
    topics: ["monitor"],
    onFrame({ body }) {
      for (const figures of (body as { T1?: JsonObject[] }).T1 ?? []) heard.add(figures);
    },
  });
  return { ...heard, [Symbol.asyncDispose]: link.close };
}

function memoryOf(tasks: readonly JsonObject[]): JsonObject {
  return (tasks[0] as { memory: JsonObject }).memory;
}

test("top answers with the lists that it is asked for, and with no others", async () => {
  await using context = await runContext([holder], { watch });
  await context.start("T1");
  await context.log.first(({ phrase }) => phrase === "output");

  const plain = memoryOf(await context.client.top("T1"));
  const files = memoryOf(await context.client.top("T1", { opened_files: true }));
  const all = memoryOf(
    await context.client.top("T1", { opened_files: true, open_connections: true, memory_maps: true }),
  );

  for (const list of ["opened_files", "connections", "memory_map"]) expect(plain).not.toHaveProperty(list);
  expect(files.opened_files).toContainEqual(
    expect.arrayContaining([{ path: context.folder.at("Context-Test.xml") }, { fd: 9 }]),
  );
  expect(files).not.toHaveProperty("connections");
  expect(all.connections).toEqual([]);
  expect(JSON.stringify(all.memory_map)).toContain("[stack]");
});

test("the figures of a task of ours have what its event loop says of itself", async () => {
  await using context = await runContext([{ id: "ts_1", instance: "Steady" }], { watch });
  await using ear = await hearFigures(context);
  await context.start("T1");

  const entry = await ear.first((figures) => "heap" in figures);

  expect(entry).toMatchObject({
    heap: expect.any(Number),
    loop_delay_ms: expect.any(Number),
    handles: expect.any(Number),
  });
  expect(entry.heap).toBeGreaterThan(1);
});

/** Has these figures of every transaction. */
function watchWith(top: ProcessWatch["top"]): () => ProcessWatch {
  return () => ({ top, entries: async () => [], async [Symbol.asyncDispose]() {} });
}

test("a question that is repeated while it is looked into is looked into once", async () => {
  const released = deferred();
  let looks = 0;
  const top = async () => {
    looks += 1;
    await released.promise;
    return [{ service_id: "ts_1" }];
  };
  await using context = await runContext([{ id: "ts_1", instance: "Steady" }], { watch: watchWith(top) });
  await context.start("T1");
  await using ear = await listen(context.endpoints, "state");

  const asking = context.client.top("T1");
  for (let times = 0; times < 3; times += 1)
    await ear.heard.first(({ header }) => header.action === "top", { from: times });
  await context.client.state("T1");
  released.resolve();

  expect(await asking).toEqual([{ service_id: "ts_1" }]);
  expect(looks).toBe(1);
});

test("an answer that is too long for a message is refused, not left out", async () => {
  const top = async () => [{ service_id: "ts_1", memory: { memory_map: "x".repeat(9 * 2 ** 20) } }];
  await using context = await runContext([{ id: "ts_1", instance: "Steady" }], { watch: watchWith(top) });
  await context.start("T1");

  await expect(context.client.top("T1")).rejects.toMatchObject({
    code: "ERR_MESSAGE_MALFORMED",
    message: "the answer is longer than a message may be: ask for less",
  });
});
