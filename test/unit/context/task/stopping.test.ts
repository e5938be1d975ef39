import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { beginStopping } from "../../../../src/context/task/stopping.ts";
import { deferred } from "../../../../src/deferred.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A stop whose command ends when the test says so. */
function stop() {
  const end = deferred<string | undefined>();
  const said: string[] = [];
  let cut: AbortSignal | undefined;
  const stopping = beginStopping({
    limitMs: 5_000,
    command(signal) {
      cut = signal;
      return end.promise;
    },
    onFault: (reason) => said.push(reason),
    askToStop: () => said.push("signal"),
  });
  return { stopping, end, said, isCut: () => cut?.aborted };
}

test("a command that has done its work has time to show it, and then the signal follows", async () => {
  const { end, said } = stop();

  end.resolve(undefined);
  await vi.advanceTimersByTimeAsync(4_999);
  expect(said).toEqual([]);

  await vi.advanceTimersByTimeAsync(1);
  expect(said).toEqual(["signal"]);
});

test("a command that fails is followed by the signal at once", async () => {
  const { end, said } = stop();

  end.resolve("exit code 1");
  await vi.advanceTimersByTimeAsync(0);
  await vi.advanceTimersByTimeAsync(10_000);

  expect(said).toEqual(["exit code 1; the stop signal follows", "signal"]);
});

test("a command that hangs is ended, and followed by the signal", async () => {
  const { said, isCut } = stop();

  await vi.advanceTimersByTimeAsync(5_000);

  expect(said).toEqual(["stop_exec has not ended within 5 s; the stop signal follows", "signal"]);
  expect(isCut()).toBe(true);
});

test("nothing follows once the task is gone, and its command is ended", async () => {
  const { stopping, end, said, isCut } = stop();

  stopping.end();
  end.resolve("ended by SIGKILL");
  await vi.advanceTimersByTimeAsync(10_000);

  expect([said, isCut()]).toEqual([[], true]);
});
