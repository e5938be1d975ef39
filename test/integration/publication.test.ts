import { describe, expect, test } from "vitest";
import { Subscriber } from "zeromq";
import { createPublications } from "../../src/context/provider/publications.ts";
import { ZcontextError } from "../../src/errors.ts";
import { connectInbox } from "../../src/link/link.ts";
import { bindPublisher } from "../../src/link/publisher.ts";
import { silent } from "../../src/log.ts";
import { startMonitor } from "../../src/monitor/publish.ts";
import { createSampler } from "../../src/monitor/sample.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { FIGURES_ONLY, type TopQuery } from "../../src/protocol/query.ts";
import { type RunningContext, runContext, type TaskXml } from "../support/context.ts";
import { freePort, freePorts } from "../support/port.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { awaitEvents } from "../support/recording.ts";

leaveNoProcess();

const watch = (source: Omit<Parameters<typeof startMonitor>[0], "sampler">) =>
  startMonitor({ sampler: createSampler(), periodMs: 100, ...source });

/** Holds a file of the context's folder open. */
function holder(id: string): TaskXml {
  const words = ["-c", "exec 9<Context-Test.xml; sleep 1000; exit"];
  return { id, instance: "Program", serviceType: "Executable", command: "sh", arguments: words, readyAfterS: 0 };
}

function monitorTask(configuration: string): TaskXml {
  return { id: "ts000", instance: "Monitor", configuration };
}

function endpointAt(port: number): string {
  return `tcp://127.0.0.1:${port}`;
}

async function freeEndpoint(): Promise<string> {
  return endpointAt(await freePort());
}

/** Listens to a publisher beside the forwarder, once it is there; each event is what was said of T1. */
async function hear(endpoint: string) {
  const heard = awaitEvents<JsonObject[]>(`figures at ${endpoint}`, (entries) => JSON.stringify(entries).slice(0, 400));
  const inbox = await connectInbox(endpoint, {
    topics: ["monitor"],
    timeoutMs: 0,
    onFrame: ({ body }) => heard.add((body as { T1: JsonObject[] }).T1),
  });
  return { ...heard, [Symbol.asyncDispose]: inbox.close };
}

function pub(endpoint: string, more: { frequency_s?: number } = {}): TopQuery {
  return { service: { type: "pub", endpoint, ...more } };
}

function untilLogged({ log }: RunningContext, wanted: string): Promise<unknown> {
  return log.first(({ phrase }) => phrase === wanted);
}

/** Whether an endpoint is free again. */
async function bindOnce(endpoint: string): Promise<void> {
  await (await bindPublisher(endpoint))[Symbol.asyncDispose]();
}

describe("a publication on request", () => {
  test("has the entries of the bus, with the lists that were asked for, and ends when told to", async () => {
    await using context = await runContext([holder("ts_1")], { watch });
    await context.start("T1");
    const endpoint = await freeEndpoint();

    const answer = await context.client.top("T1", { ...pub(endpoint), opened_files: true });
    await using ear = await hear(endpoint);
    const [entry = {}] = await ear.first((entries) => entries.length > 0);
    await context.client.top("T1", { service: { type: "none", endpoint } });
    await bindOnce(endpoint);

    expect(answer).toMatchObject([{ service_id: "ts_1", memory: { status: "sleeping" } }]);
    expect(entry).toMatchObject({ serviceId: "ts_1", lifecycle: "running", runs: 1, rss: expect.any(Number) });
    expect(JSON.stringify(entry.opened_files)).toContain("Context-Test.xml");
    expect(entry).not.toHaveProperty("connections");
  });

  test("is changed by asking again, at once and however long its pause is", async () => {
    await using context = await runContext([holder("ts_1")], { watch });
    await context.start("T1");
    const endpoint = await freeEndpoint();

    await context.client.top("T1", pub(endpoint));
    await using ear = await hear(endpoint);
    const [first = {}] = await ear.first((entries) => entries.length > 0);
    await context.client.top("T1", pub(endpoint, { frequency_s: 3_600 }));
    await context.client.top("T1", { ...pub(endpoint, { frequency_s: 3_600 }), open_connections: true });
    const [changed = {}] = await ear.first(([entry]) => entry?.connections !== undefined);

    expect(first).not.toHaveProperty("connections");
    expect(changed.connections).toEqual([]);
  });

  test("ends with its transaction, however long its pause is", async () => {
    await using context = await runContext([holder("ts_1")], { watch });
    await context.start("T1");
    const endpoint = await freeEndpoint();
    await context.client.top("T1", pub(endpoint, { frequency_s: 3_600 }));

    await context.stop("T1");

    await untilLogged(context, "publication ended");
    await bindOnce(endpoint);
  });

  test("is refused where another transaction publishes, where somebody else listens, and off this machine", async () => {
    await using context = await runContext([holder("ts_1")], { watch });
    await context.start("T1");
    await context.start("T2");
    const [taken = "", foreign = ""] = (await freePorts(2)).map(endpointAt);
    await using _publisher = await bindPublisher(foreign);
    await context.client.top("T1", pub(taken));

    const ask = (service: NonNullable<TopQuery["service"]>) => context.client.top("T2", { service });
    await expect(ask({ endpoint: taken })).rejects.toMatchObject({
      code: "ERR_ENDPOINT_IN_USE",
      message: `${taken} publishes transaction T1`,
    });
    await expect(ask({ endpoint: taken, type: "none" })).rejects.toMatchObject({ code: "ERR_ENDPOINT_IN_USE" });
    await expect(ask({ endpoint: foreign })).rejects.toMatchObject({ code: "ERR_ENDPOINT_IN_USE" });
    await expect(ask({ endpoint: "tcp://0.0.0.0:6558" })).rejects.toMatchObject({ code: "ERR_ENDPOINT_PUBLIC" });
    await expect(ask({ endpoint: "ipc:///figures" })).rejects.toMatchObject({ code: "ERR_MESSAGE_MALFORMED" });
    await expect(ask({ endpoint: foreign, type: "none" })).resolves.toHaveLength(1);
  });

  test("may begin on the endpoint of one that is just ending, and waits for the end of each transaction once", async () => {
    const [endpoint, other] = [await freeEndpoint(), await freeEndpoint()];
    let waits = 0;
    let found: JsonObject[] | undefined;
    await using publications = createPublications({
      entries: async () => found as JsonObject[],
      async whenOver() {
        waits += 1;
        await new Promise(() => {});
      },
      forwarder: { publish: "tcp://127.0.0.1:1", subscribe: "tcp://127.0.0.1:2" },
      log: silent,
    });
    const begin = (at: string) => publications.ask("T1", { isWanted: true, endpoint: at, periodMs: 50 }, FIGURES_ONLY);

    await begin(endpoint);
    found = [{ serviceId: "ts_1" }];
    await begin(endpoint);
    await begin(other);
    await using ear = await hear(endpoint);

    expect(await ear.first((entries) => entries.length > 0)).toEqual(found);
    expect(waits).toBe(1);
  });

  test("is refused where the forwarder listens, though it may be away just now, and once all are closed", async () => {
    const publications = createPublications({
      entries: async () => [],
      whenOver: () => new Promise(() => {}),
      forwarder: { publish: "tcp://127.0.0.1:5555", subscribe: "tcp://127.0.0.1:5556" },
      log: silent,
    });
    const begin = (endpoint: string) =>
      publications.ask("T1", { isWanted: true, endpoint, periodMs: 1_000 }, FIGURES_ONLY);

    await expect(begin("tcp://localhost:5556")).rejects.toMatchObject({
      code: "ERR_ENDPOINT_IN_USE",
      message: "tcp://localhost:5556 has a port of the forwarder",
    });
    await publications[Symbol.asyncDispose]();
    await expect(begin(await freeEndpoint())).rejects.toMatchObject({ code: "ERR_PROVIDER_LEAVING" });
  });

  test("is one of sixteen at most", async () => {
    await using context = await runContext([holder("ts_1")], { watch });
    await context.start("T1");
    const [one = "", ...others] = (await freePorts(17)).map(endpointAt);

    for (const endpoint of others) await context.client.top("T1", pub(endpoint));

    await expect(context.client.top("T1", pub(one))).rejects.toMatchObject({
      code: "ERR_ENDPOINT_IN_USE",
      message: expect.stringMatching(/^16 publications are open: tcp:/),
    });
  });
});

describe("a publisher", () => {
  test("leaves its endpoint to the next one, at once", async () => {
    const endpoint = await freeEndpoint();

    for (let round = 0; round < 300; round += 1) await bindOnce(endpoint);
  });

  test("keeps a few messages for a listener that is halted", async () => {
    const endpoint = await freeEndpoint();
    await using publisher = await bindPublisher(endpoint);
    const listener = new Subscriber({ receiveHighWaterMark: 1, linger: 0 });
    listener.subscribe("monitor");
    listener.connect(endpoint);
    const publishUntil = async (isHeard: () => boolean, body: JsonObject) => {
      while (!isHeard()) {
        await publisher.publish({ topic: "monitor", body });
        await new Promise(setImmediate);
      }
    };
    let heard = 0;
    let last = "";
    const listen = async () => {
      last = String((await listener.receive())[0]).slice(0, 60);
      heard += 1;
    };

    const first = listen();
    await publishUntil(() => heard > 0, {});
    await first;
    const text = "x".repeat(200_000);
    for (let count = 0; count < 1_000; count += 1) await publisher.publish({ topic: "monitor", body: { text } });
    const rest = (async () => {
      while (!last.includes("over")) await listen();
    })();
    await publishUntil(() => last.includes("over"), { over: true });
    await rest;
    listener.close();

    // What has been on its way when it halted is in the buffers of the system.
    expect(heard).toBeLessThan(500);
  });
});

describe("the Monitor task", () => {
  test.each(["publisher", "service"])("publishes on the endpoint of its %s block", async (era) => {
    const endpoint = await freeEndpoint();
    const block = `<${era}><endpoint>${endpoint}</endpoint><frequency_s>1</frequency_s><type>pub</type></${era}>`;
    await using context = await runContext([monitorTask(block), holder("ts_1")], { watch });

    await context.start("T1");
    await using ear = await hear(endpoint);
    const entries = await ear.first((all) => all.length === 2);

    expect(entries).toMatchObject([
      { serviceId: "ts000", status: expect.any(String), rss: expect.any(Number) },
      { serviceId: "ts_1", status: "sleeping", rss: expect.any(Number) },
    ]);
    for (const entry of entries) expect(entry).not.toHaveProperty("opened_files");
  });

  test("adds the lists of its monitor_options, for which 0 is no, and says that it writes to no database", async () => {
    const endpoint = await freeEndpoint();
    const configuration = `<publisher><endpoint>${endpoint}</endpoint></publisher>
      <monitor_options><opened_files>1</opened_files><open_connections>yes</open_connections><memory_maps>0</memory_maps>
      </monitor_options><db_connection><host>localhost</host></db_connection>`;
    await using context = await runContext([monitorTask(configuration), holder("ts_1")], { watch });

    await context.start("T1");
    await using ear = await hear(endpoint);
    const entries = await ear.first((all) => all.length === 2 && all.every(({ opened_files: files }) => files));

    const [monitor = {}, held = {}] = entries;
    expect(JSON.stringify(held.opened_files)).toContain("Context-Test.xml");
    expect(JSON.stringify(monitor.connections)).toContain(
      JSON.stringify(["127.0.0.1", Number(endpoint.split(":")[2])]),
    );
    expect(monitor).not.toHaveProperty("memory_map");
    await context.log.first(({ line }) => String(line).startsWith("db_connection: nothing is written to a database"));
  });

  test("says why there are no lists where the provider refuses them", async () => {
    const endpoint = await freeEndpoint();
    const configuration = `<publisher><endpoint>${endpoint}</endpoint></publisher>
      <monitor_options><memory_maps>1</memory_maps></monitor_options>`;
    await using context = await runContext([monitorTask(configuration)], {
      watch: (source) => ({
        ...watch(source),
        top: () => Promise.reject(new ZcontextError("ERR_MESSAGE_MALFORMED", "ask for less")),
      }),
    });

    await context.start("T1");

    const phrase = "published without the lists of monitor_options: ask for less";
    await context.log.first(({ line }) => line === phrase);
  });
});
