import { afterEach, describe, expect, test, vi } from "vitest";
import type { Outbox } from "../../../../src/hub/com/outbox.ts";
import type { Reading } from "../../../../src/hub/com/providers/hub-provider.ts";
import { createMemoryHub, type MemoryHub } from "../../../../src/hub/com/providers/memory.ts";
import { type SessionOptions, startSession } from "../../../../src/hub/com/session.ts";

/** An outbox without a disk. */
function memoryOutbox(): Outbox & { put(...bodies: string[]): void } {
  const readings = new Map<number, Reading>();
  let last = 0;
  let listeners: (() => void)[] = [];
  const tell = () => {
    for (const listener of listeners.splice(0)) listener();
  };
  return {
    get waiting() {
      return readings.size;
    },
    bytes: 0,
    dropped: 0,
    async add(reading) {
      last += 1;
      readings.set(last, reading);
      tell();
    },
    put(...bodies) {
      for (const body of bodies) void this.add({ id: body, source: "s", time: "", body });
    },
    after(seq) {
      const found = [...readings].find(([one]) => one > seq);
      return found && { seq: found[0], reading: found[1] };
    },
    remove: (seq) => void readings.delete(seq),
    added: () => new Promise((resolve) => listeners.push(resolve)),
    async close() {
      listeners = [];
    },
  };
}

/** Resolves once something is so; the hub says when it may have become so. */
function until(hub: MemoryHub, isSo: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!isSo()) return;
      stop();
      resolve();
    };
    const stop = hub.watch(look);
    look();
  });
}

function sessionWith(hub: MemoryHub, but: Partial<SessionOptions> = {}) {
  const outbox = memoryOutbox();
  const lines: string[] = [];
  const twins: object[] = [];
  const answered = async () => ({ status: 200, payload: null });
  const session = startSession({
    provider: hub,
    outbox,
    events: { desired: () => {}, method: answered, command: answered },
    onTwin: (desired) => twins.push(desired),
    reported: () => ({ ready: true }),
    say: (line) => lines.push(line),
    warn: (line) => lines.push(line),
    heartbeatMs: 180_000,
    backoffMs: [1, 1],
    ...but,
  });
  return { session, outbox, lines, twins };
}

afterEach(() => {
  vi.useRealTimers();
});

describe("a session", () => {
  test("reads the twin and says what is reported before it sends anything", async () => {
    const hub = createMemoryHub();
    const { session, outbox, twins } = sessionWith(hub);
    outbox.put("1");

    await until(hub, () => hub.readings.length === 1);

    expect(twins).toEqual([{ $version: 1 }]);
    expect(hub.reported).toEqual({ ready: true });
    await session.close();
    expect(hub.isConnected).toBe(false);
  });

  test("sends what waits in order, and takes it out of the outbox once it is confirmed", async () => {
    const hub = createMemoryHub();
    const { session, outbox } = sessionWith(hub);
    const bodies = Array.from({ length: 100 }, (_, index) => `${index}`);
    outbox.put(...bodies);

    await until(hub, () => hub.readings.length === 100);
    await session.close();

    expect(hub.readings.map(({ body }) => body)).toEqual(bodies);
    expect(outbox.waiting).toBe(0);
  });

  test("sends again what was not confirmed when the connection was lost", async () => {
    const hub = createMemoryHub();
    const { session, outbox } = sessionWith(hub);
    await until(hub, () => hub.isConnected);
    hub.setAnswering(false);
    outbox.put("1", "2");
    hub.setReachable(false);
    hub.setAnswering(true);
    hub.setReachable(true);

    await until(hub, () => hub.readings.length === 2);
    await session.close();

    expect(hub.readings.map(({ body }) => body)).toEqual(["1", "2"]);
  });

  test("gives up a reading that the hub never takes, and goes on", async () => {
    const hub = createMemoryHub();
    const { session, outbox, lines } = sessionWith(hub);
    outbox.put("x".repeat(300_000), "2");

    await until(hub, () => hub.readings.length === 1);
    await session.close();

    expect(outbox.waiting).toBe(0);
    expect(lines).toContain("a reading of s was given up: longer than 256 KiB");
  });

  test("says once why there is no connection, however often it tries", async () => {
    const hub = createMemoryHub();
    hub.setReachable(false);
    let tries = 0;
    const connect: MemoryHub["connect"] = (...words) => {
      tries += 1;
      return hub.connect(...words);
    };
    const { session, lines } = sessionWith(hub, { provider: { ...hub, connect } });
    while (tries < 5) await new Promise((resolve) => setTimeout(resolve));
    hub.setReachable(true);

    await until(hub, () => hub.isConnected);
    await session.close();

    expect(lines.filter((line) => line.includes("switched off"))).toHaveLength(1);
  });

  test("reads the twin after each connection", async () => {
    const hub = createMemoryHub();
    const { session, twins } = sessionWith(hub);
    await until(hub, () => Object.keys(hub.reported).length > 0);
    hub.setReachable(false);
    hub.desire({ interval: 5 });
    hub.setReachable(true);

    await until(hub, () => hub.connections === 2 && hub.isConnected);
    await session.close();

    expect(twins[0]).toEqual({ $version: 1 });
    expect(twins.slice(1)).toEqual([{ interval: 5, $version: 2 }]);
  });

  test("connects anew when three heartbeats have had no answer", async () => {
    vi.useFakeTimers();
    const hub = createMemoryHub();
    const { session, lines } = sessionWith(hub);
    await until(hub, () => Object.keys(hub.reported).length > 0);
    hub.setAnswering(false);

    await vi.advanceTimersByTimeAsync(4 * 180_000 - 10);
    expect(hub.connections).toBe(1);
    await vi.advanceTimersByTimeAsync(20);
    await until(hub, () => hub.connections === 2);

    expect(lines).toContain("the hub at memory is lost: 3 heartbeats were not answered");
    hub.setAnswering(true);
    await session.close();
  });

  test("keeps a connection whose hub answers", async () => {
    vi.useFakeTimers();
    const hub = createMemoryHub();
    const { session } = sessionWith(hub);

    await vi.advanceTimersByTimeAsync(20 * 180_000);

    expect(hub.connections).toBe(1);
    await session.close();
  });

  test("renews a connection before its credentials run out, and loses nothing by that", async () => {
    vi.useFakeTimers();
    const hub = createMemoryHub({ renewAfterMs: 48 * 60_000 });
    const { session, outbox, lines } = sessionWith(hub);
    await vi.advanceTimersByTimeAsync(47 * 60_000);
    outbox.put("1");

    await vi.advanceTimersByTimeAsync(2 * 60_000);
    outbox.put("2");
    await vi.advanceTimersByTimeAsync(1_000);

    expect(hub.connections).toBe(2);
    expect(hub.readings.map(({ body }) => body)).toEqual(["1", "2"]);
    expect(lines.join()).not.toContain("lost");
    await session.close();
  });

  test("sends lines while it is connected, and says where it is not", async () => {
    const hub = createMemoryHub();
    const { session } = sessionWith(hub);
    const line = { time: "", source: "s", level: "debug", text: "x" } as const;

    const before = session.log(line);
    await until(hub, () => hub.isConnected && hub.connections === 1 && Object.keys(hub.reported).length > 0);

    expect([before, session.log(line)]).toEqual([false, true]);
    expect(hub.lines).toEqual([line]);
    await session.close();
  });
});
