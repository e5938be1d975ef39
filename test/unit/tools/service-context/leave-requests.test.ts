import { expect, test } from "vitest";
import { createLeaveRequests } from "../../../../tools/service-context/leave-requests.ts";

/** Reads bursts of signals; the moment after the first signal is over with its burst. */
function read(...bursts: string[][]): string[] {
  let endMoment = () => {};
  const requests = createLeaveRequests((call) => {
    endMoment = call;
  });
  return bursts.flatMap((burst) => {
    const meanings = burst.map(() => requests.read());
    endMoment();
    return meanings;
  });
}

test("signals within a moment are one request to leave, however many", () => {
  expect(read(["SIGINT", "SIGINT", "SIGTERM"])).toEqual(["leave", "again", "again"]);
});

test("a signal after that moment means at once, and so does each further one", () => {
  expect(read(["SIGINT", "SIGINT"], ["SIGINT", "SIGTERM"])).toEqual(["leave", "again", "hurry", "hurry"]);
});
