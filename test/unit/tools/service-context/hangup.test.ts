import { expect, test } from "vitest";
import { meaningOfHangup } from "../../../../tools/service-context/hangup.ts";

test.each([
  [
    "of a service is a request to reload",
    { startedOnTerminal: false, isTerminalGone: false, isSecond: false },
    "reload",
  ],
  ["of a closed terminal asks to leave", { startedOnTerminal: true, isTerminalGone: true, isSecond: false }, "leave"],
  [
    "may come before the terminal is gone",
    { startedOnTerminal: true, isTerminalGone: false, isSecond: false },
    "look again",
  ],
  ["may come long before it is gone", { startedOnTerminal: true, isTerminalGone: true, isSecond: true }, "leave"],
  [
    "on a terminal that stays is one to reload",
    { startedOnTerminal: true, isTerminalGone: false, isSecond: true },
    "reload",
  ],
] as const)("a SIGHUP %s", (_, look, meaning) => {
  expect(meaningOfHangup(look)).toBe(meaning);
});
