import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import { createLiveness, type Watchdog } from "../../src/liveness.ts";

const EVERY_MS = 250;
const TIMEOUT_MS = 5_000;

/** The event loop of a provider, turned by hand, with a virtual clock and the pipes that its tasks write to. */
function virtualProvider() {
  let nowMs = 1_000_000;
  let timer: { intervalMs: number; dueMs: number; call: () => void } | undefined;
  let afterReading: (() => void)[] = [];
  let timers = 0;
  const sent: { atMs: number; read: () => void }[] = [];

  const liveness = createLiveness({
    everyMs: EVERY_MS,
    nowMs: () => nowMs,
    every(intervalMs, call) {
      timers += 1;
      const mine = { intervalMs, dueMs: nowMs + intervalMs, call };
      timer = mine;
      return () => {
        if (timer === mine) timer = undefined;
      };
    },
    afterReading: (call) => afterReading.push(call),
  });

  /** One turn of the loop: its timers, then what has come meanwhile, then what waits for that; a pause before each. */
  function turn(beforeTimersMs: number, beforeReadingMs = 0, beforeLastMs = 0): void {
    nowMs += beforeTimersMs;
    if (timer !== undefined && timer.dueMs <= nowMs) {
      timer.dueMs = nowMs + timer.intervalMs;
      timer.call();
    }
    nowMs += beforeReadingMs;
    while (sent[0] !== undefined && sent[0].atMs <= nowMs) sent.shift()?.read();
    nowMs += beforeLastMs;
    const calls = afterReading;
    afterReading = [];
    for (const call of calls) call();
  }

  return {
    ...liveness,
    turn,
    /** Lets time pass as it does for a provider with nothing else to do. */
    idle(forMs: number): void {
      const untilMs = nowMs + forMs;
      while (nowMs < untilMs) turn(Math.min(50, untilMs - nowMs));
    },
    /** Writes into a pipe at this time, counted from now; to be called in the order of the times. */
    send(afterMs: number, read: () => void): void {
      sent.push({ atMs: nowMs + afterMs, read });
    },
    elapsedMs: () => nowMs - 1_000_000,
    hasTimer: () => timer !== undefined,
    timersStarted: () => timers,
  };
}

type VirtualProvider = ReturnType<typeof virtualProvider>;

/** A watch, and the silences that it has reported. */
function watched(provider: VirtualProvider, timeoutMs = TIMEOUT_MS): Watchdog & { silences: number[] } {
  const silences: number[] = [];
  return { ...provider.startWatchdog(timeoutMs, (silentMs) => silences.push(silentMs)), silences };
}

describe("a task", () => {
  test("that has not beaten yet is not watched", () => {
    const provider = virtualProvider();
    const task = watched(provider);

    provider.idle(60_000);

    expect(task.silences).toEqual([]);
  });

  test("that falls silent is reported once", () => {
    const provider = virtualProvider();
    const task = watched(provider);
    task.beat();

    provider.idle(TIMEOUT_MS - 50);
    expect(task.silences).toEqual([]);
    provider.idle(2 * EVERY_MS);
    expect(task.silences).toHaveLength(1);
    provider.idle(60_000);
    expect(task.silences).toHaveLength(1);
  });

  test("that beats again in time begins anew", () => {
    const provider = virtualProvider();
    const task = watched(provider);
    task.beat();
    provider.idle(TIMEOUT_MS - 50);

    task.beat();
    provider.idle(TIMEOUT_MS - 50);

    expect(task.silences).toEqual([]);
  });

  test("that is inspected may be silent for any time, until it has beaten uninspected", () => {
    const provider = virtualProvider();
    const task = watched(provider);
    task.beat({ isInspected: true });
    provider.idle(60_000);
    expect(task.silences).toEqual([]);

    task.beat({ isInspected: false });
    provider.idle(TIMEOUT_MS + 2 * EVERY_MS);

    expect(task.silences).toHaveLength(1);
  });

  test("is not reported when its watchdog has ended", () => {
    const provider = virtualProvider();
    const task = watched(provider);
    task.beat();

    task.end();
    task.beat();
    provider.idle(60_000);

    expect(task.silences).toEqual([]);
  });

  test("is not blamed for the silence of another", () => {
    const provider = virtualProvider();
    const [silent, busy] = [watched(provider), watched(provider)];
    silent.beat();
    for (let beats = 0; beats < 20; beats += 1) {
      busy.beat();
      provider.idle(1_000);
    }

    expect(silent.silences).toHaveLength(1);
    expect(busy.silences).toEqual([]);
  });

  test("that is ended because another was silent is not reported any more", () => {
    const provider = virtualProvider();
    const reported: string[] = [];
    const first = provider.startWatchdog(TIMEOUT_MS, () => {
      reported.push("first");
      second.end();
    });
    const second = provider.startWatchdog(TIMEOUT_MS, () => reported.push("second"));
    first.beat();
    second.beat();

    provider.idle(60_000);

    expect(reported).toEqual(["first"]);
  });
});

describe("a provider that was halted", () => {
  test("does not count the time that it missed", () => {
    const provider = virtualProvider();
    const task = watched(provider);
    task.beat();

    provider.turn(3_600_000);
    provider.idle(TIMEOUT_MS - 2 * EVERY_MS - 50);
    expect(task.silences).toEqual([]);

    provider.idle(2 * EVERY_MS);
    expect(task.silences).toHaveLength(1);
  });

  test("reads what waits in the pipes before it blames a task", () => {
    const provider = virtualProvider();
    const task = watched(provider);
    task.beat();
    provider.send(TIMEOUT_MS - 1, task.beat);
    provider.idle(TIMEOUT_MS - 50);

    provider.turn(1_000);

    expect(task.silences).toEqual([]);
  });
});

describe("the timer", () => {
  test("runs only while there are watches", () => {
    const provider = virtualProvider();
    expect(provider.hasTimer()).toBe(false);

    const [one, other] = [watched(provider), watched(provider)];
    expect(provider.hasTimer()).toBe(true);
    one.end();
    expect(provider.hasTimer()).toBe(true);
    other.end();
    other.end();
    expect(provider.hasTimer()).toBe(false);

    const third = watched(provider);
    third.beat();
    provider.idle(TIMEOUT_MS + 2 * EVERY_MS);
    expect(third.silences).toHaveLength(1);
    expect(provider.hasTimer()).toBe(false);
    expect(provider.timersStarted()).toBe(2);
  });

  test("counts nothing of the time in which it did not run", () => {
    const provider = virtualProvider();
    watched(provider).end();
    provider.turn(EVERY_MS);

    const task = watched(provider, EVERY_MS);
    task.beat();
    provider.turn(EVERY_MS - 1);

    expect(task.silences).toEqual([]);
  });

  test("keeps no process alive", () => {
    const before = process.getActiveResourcesInfo();

    const liveness = createLiveness();
    const watch = liveness.startWatchdog(TIMEOUT_MS, () => {});
    const during = process.getActiveResourcesInfo();
    watch.end();

    expect(during).toEqual(before);
  });
});

describe("whatever stalls of the provider happen", () => {
  const pauseMs = fc.oneof(
    { weight: 6, arbitrary: fc.nat(EVERY_MS) },
    { weight: 2, arbitrary: fc.nat(2_000) },
    { weight: 1, arbitrary: fc.nat(60_000) },
  );
  const turns = fc.array(fc.tuple(pauseMs, pauseMs, pauseMs), { minLength: 50, maxLength: 150, size: "max" });
  const timeoutMs = fc.integer({ min: 1, max: 2 * TIMEOUT_MS });

  test("a task that beats at least every timeout is never silent", () => {
    const property = fc.property(
      timeoutMs,
      turns,
      fc.infiniteStream(fc.double({ min: 0.5, max: 1, noNaN: true })),
      (timeout, pauses, gaps) => {
        const provider = virtualProvider();
        const task = watched(provider, timeout);
        const wholeMs = pauses.flat().reduce((sum, ms) => sum + ms, 0);
        // Far fewer beats than that show all there is to see, and a short timeout would send millions.
        const endMs = Math.min(wholeMs, timeout * 2_000);
        for (
          let atMs = 0;
          atMs <= endMs + timeout;
          atMs += Math.max(1, Math.floor(timeout * (gaps.next().value as number)))
        )
          provider.send(atMs, task.beat);

        for (const pause of pauses) {
          if (provider.elapsedMs() + pause[0] + pause[1] + pause[2] > endMs) break;
          provider.turn(...pause);
        }

        expect(task.silences).toEqual([]);
      },
    );

    fc.assert(property, { numRuns: 300 });
  });

  test("a task that stops beating is reported within the timeout and two intervals of the provider's time", () => {
    const property = fc.property(timeoutMs, turns, (timeout, pauses) => {
      const provider = virtualProvider();
      const task = watched(provider, timeout);
      provider.turn(...(pauses[0] as [number, number, number]));
      task.beat();
      const heardMs = provider.elapsedMs();

      let reportedMs: number | undefined;
      for (const pause of pauses) {
        provider.turn(...pause);
        if (task.silences.length > 0) reportedMs ??= provider.elapsedMs();
      }
      provider.idle(timeout + 2 * EVERY_MS);
      reportedMs ??= provider.elapsedMs();

      expect(task.silences).toHaveLength(1);
      expect(task.silences[0]).toBeGreaterThanOrEqual(timeout);
      expect(task.silences[0]).toBeLessThanOrEqual(timeout + 2 * EVERY_MS);
      expect(reportedMs - heardMs).toBeGreaterThanOrEqual(timeout);
    });

    fc.assert(property, { numRuns: 300 });
  });
});

test("without stalls a silence is reported within the timeout and two intervals, not before the timeout", () => {
  const steps = fc.infiniteStream(fc.integer({ min: 1, max: EVERY_MS / 2 }));
  const property = fc.property(
    fc.integer({ min: 1, max: 2 * TIMEOUT_MS }),
    fc.nat(1_000),
    steps,
    (timeout, beforeMs, pauses) => {
      const provider = virtualProvider();
      const task = watched(provider, timeout);
      provider.idle(beforeMs);
      task.beat();
      const heardMs = provider.elapsedMs();

      while (task.silences.length === 0) provider.turn(pauses.next().value as number);

      const silentMs = provider.elapsedMs() - heardMs;
      expect(silentMs).toBeGreaterThanOrEqual(timeout);
      expect(silentMs).toBeLessThanOrEqual(timeout + 2 * EVERY_MS);
      expect(task.silences).toEqual([silentMs]);
    },
  );

  fc.assert(property);
});

test("a silence is reported once what had been sent before has been read, and not where a beat is among that", async () => {
  const provider = virtualProvider();
  const silences: string[] = [];
  const watch = (name: string) => {
    const read = deferred();
    const watchdog = provider.startWatchdog(
      TIMEOUT_MS,
      () => silences.push(name),
      () => read.promise,
    );
    watchdog.beat();
    return { watchdog, read };
  };
  const [kept, silent] = [watch("kept"), watch("silent")];

  provider.idle(TIMEOUT_MS + 2 * EVERY_MS);
  expect(silences).toEqual([]);
  kept.watchdog.beat();
  kept.read.resolve();
  silent.read.resolve();
  await Promise.all([kept.read.promise, silent.read.promise]);

  expect(silences).toEqual(["silent"]);
});
