// What the dashboard's server tells of the time before it, out of what was kept.
import { afterEach, describe, expect, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import type { HistoryRecord } from "../../src/history/records.ts";
import type { History, State, Transition } from "../../src/http/contract/api.ts";
import type { KeptHistory } from "../../src/http/contract/source.ts";
import { type HttpServer, startHttpServer } from "../../src/http/server.ts";
import type { TaskState } from "../../src/protocol/task-state.ts";
import { recordLog } from "../support/context.ts";

const MIB_BYTES = 2 ** 20;
const HOUR_S = 3_600;

function figures(agoS: number, cpu = 1, transaction = "T1"): HistoryRecord {
  return { kind: "figures", transaction, atMs: Date.now() - agoS * 1_000, tasks: { ts001: [cpu, MIB_BYTES] } };
}

function step(agoS: number, to: TaskState = "running"): Transition & { kind: "transition" } {
  const time = new Date(Date.now() - agoS * 1_000).toISOString();
  return {
    kind: "transition",
    transaction: "T1",
    task: "ts001",
    sequence: 1,
    from: "starting",
    to,
    event: "e",
    run: 1,
    time,
  };
}

/** A history of these records, read as often as it is asked for. */
function historyOf(records: HistoryRecord[]): KeptHistory & { readonly sinceMs: number[] } {
  const asked: number[] = [];
  return {
    sinceMs: asked,
    async *since(sinceMs) {
      asked.push(sinceMs);
      yield* records.filter((record) => record.kind === "transition" || record.atMs >= sinceMs);
    },
  };
}

const servers: HttpServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

async function serve(keptHistory: KeptHistory | undefined, log = recordLog()) {
  const server = await startHttpServer({ address: { host: "127.0.0.1", port: 0 }, keptHistory, log });
  servers.push(server);
  const ask = (path: string, signal?: AbortSignal) =>
    fetch(`http://127.0.0.1:${server.address.port}${path}`, signal === undefined ? {} : { signal });
  return { server, ask, log: log.lines, json: async <T>(path: string) => (await (await ask(path)).json()) as T };
}

describe("a server with a kept history", () => {
  test("shows the figures and steps of the last hour as if it had been there", async () => {
    const past = historyOf([figures(20, 5), step(15, "starting"), step(10), figures(1, 7)]);
    const { json } = await serve(past);

    const history = await json<History>("/api/history?transaction=T1");
    const transitions = await json<Transition[]>("/api/transitions");

    expect(history.tasks.ts001?.cpuPercent.filter((cpu) => cpu !== null)).toEqual([5, 7]);
    expect(history.tasks.ts001?.cpuPercent).toContain(null);
    expect(transitions.map(({ to }) => to)).toEqual(["starting", "running"]);
    expect(transitions[0]).not.toHaveProperty("kind");
    expect(Date.now() - (past.sinceMs[0] as number)).toBeGreaterThanOrEqual(HOUR_S * 1_000);
  });

  test("tells what happens while it reads behind what was before", async () => {
    const gate = deferred();
    const past: KeptHistory = {
      async *since() {
        yield step(30, "starting");
        await gate.promise;
        // Somebody keeps what happens now as well.
        yield step(-30);
      },
    };
    const { server, json } = await serve(past);

    server.observe({ type: "moved", transition: { ...step(0) } });
    const told = json<Transition[]>("/api/transitions");
    gate.resolve();

    expect((await told).map(({ to }) => to)).toEqual(["starting", "running"]);
  });

  test("shows what is left where the kept history can't be read", async () => {
    const past: KeptHistory = {
      // biome-ignore lint/correctness/useYield: it fails before.
      async *since() {
        throw new Error("EACCES: permission denied");
      },
    };
    const { server, json, log } = await serve(past);
    server.observe({ type: "moved", transition: { ...step(0) } });

    expect(await json<Transition[]>("/api/transitions")).toHaveLength(1);
    expect(log.all).toMatchObject([{ phrase: "history can't be read", reason: "EACCES: permission denied" }]);
  });

  test("reads what is older than an hour when it is asked for, in six hundred rows at most", async () => {
    const records = Array.from({ length: 8_640 }, (_, index) => figures(86_390 - index * 10, index % 2));
    const { json } = await serve(historyOf([...records, figures(5, 9, "T2")]));

    const day = await json<History>("/api/history?transaction=T1&since=86400");
    const hour = await json<History>("/api/history?transaction=T1&since=3600");
    const minute = await json<History>("/api/history?transaction=T1&since=60");

    expect(day.timesMs.length).toBeLessThanOrEqual(600);
    expect(day.timesMs.length).toBeGreaterThan(500);
    expect(day.tasks.ts001?.cpuPercent.every((cpu) => cpu !== null && cpu > 0.3 && cpu < 0.7)).toBe(true);
    expect(Object.keys(day.tasks)).toEqual(["ts001"]);
    expect(Date.now() - (day.timesMs[0] as number)).toBeGreaterThan(86_000_000);
    expect(Date.now() - (hour.timesMs[0] as number)).toBeLessThan(3_700_000);
    expect(Date.now() - (minute.timesMs[0] as number)).toBeLessThan(3_600_000);
  });

  test("reads for one at a time, and not for everybody who might want to wait", async () => {
    let reading = 0;
    let most = 0;
    const gate = deferred();
    const past: KeptHistory = {
      async *since(sinceMs) {
        if (Date.now() - sinceMs < 2 * HOUR_S * 1_000) return;
        reading += 1;
        most = Math.max(most, reading);
        await gate.promise;
        yield figures(5);
        reading -= 1;
      },
    };
    const { ask } = await serve(past);

    const asked = Array.from({ length: 9 }, () => ask("/api/history?transaction=T1&since=86400"));
    const first = await Promise.race(asked);
    gate.resolve();
    const statuses = await Promise.all(asked.map(async (answer) => (await answer).status));

    expect(first.status).toBe(503);
    expect(statuses.filter((status) => status === 200)).toHaveLength(8);
    expect(most).toBe(1);
  });

  test("reads on for nobody who has gone", async () => {
    const begun = deferred();
    const ended = deferred();
    const past: KeptHistory = {
      async *since(sinceMs) {
        if (Date.now() - sinceMs < 2 * HOUR_S * 1_000) return;
        begun.resolve();
        try {
          for (;;) {
            await new Promise(setImmediate);
            yield figures(5);
          }
        } finally {
          ended.resolve();
        }
      },
    };
    const { ask } = await serve(past);
    const gone = new AbortController();

    const asked = ask("/api/history?transaction=T1&since=86400", gone.signal);
    await begun.promise;
    gone.abort();

    await expect(asked).rejects.toThrow();
    await ended.promise;
  });

  test("says so, and one without says that it has none and shows what it has", async () => {
    const withPast = await serve(historyOf([]));
    const without = await serve(undefined);

    expect(await withPast.json<State>("/api/state")).toMatchObject({ keepsHistory: true });
    expect(await without.json<State>("/api/state")).toMatchObject({ keepsHistory: false });
    expect(await without.json<History>("/api/history?transaction=T1&since=86400")).toEqual({ timesMs: [], tasks: {} });
  });
});
