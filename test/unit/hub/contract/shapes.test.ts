import { describe, expect, test } from "vitest";
import {
  failed,
  readAnswer,
  readLogLine,
  readStatus,
  requestIdOfCommand,
} from "../../../../src/hub/contract/shapes.ts";

describe("what a hub reads", () => {
  test("is a status of one of two words", () => {
    expect(readStatus({ state: "online", time: "2026-01-31T12:00:00.000Z" })).toEqual({
      state: "online",
      time: "2026-01-31T12:00:00.000Z",
    });
    expect(readStatus({ state: "offline" })).toEqual({ state: "offline" });
    expect(readStatus({ state: "away" })).toBeUndefined();
    expect(readStatus("online")).toBeUndefined();
  });

  test("is a line with its level", () => {
    const line = { time: "2026-01-31T12:00:00.000Z", source: "mailer", level: "error", text: "no route", code: 90000 };

    expect(readLogLine(line)).toEqual(line);
    expect(readLogLine({ ...line, level: "fatal" })).toBeUndefined();
    expect(readLogLine({ ...line, text: undefined })).toBeUndefined();
  });

  test("is an answer, whose payload may be missing", () => {
    expect(readAnswer({ status: 200, payload: { started: ["ts_1"] } })).toEqual({
      status: 200,
      payload: { started: ["ts_1"] },
    });
    expect(readAnswer({ status: 200 })).toEqual({ status: 200, payload: null });
    expect(readAnswer({ status: "200" })).toBeUndefined();
  });
});

test("a command is answered under its request id, or under its name", () => {
  expect(requestIdOfCommand("ping", { rid: "7" })).toBe("7");
  expect(requestIdOfCommand("ping", { rid: 7 })).toBe("7");
  expect(requestIdOfCommand("ping", { rid: {} })).toBe("ping");
  expect(requestIdOfCommand("ping", null)).toBe("ping");
});

test("an answer that says why nothing was done has a code and a message", () => {
  expect(failed(403, "ERR_COMMAND_REFUSED", "no")).toEqual({
    status: 403,
    payload: { error: { code: "ERR_COMMAND_REFUSED", message: "no" } },
  });
});
