import { describe, expect, test } from "vitest";
import { readCommand, readMethod } from "../../../../src/hub/com/commands.ts";

describe("a command", () => {
  test.each([
    ["ping", null, { name: "ping" }],
    ["restart", {}, { name: "restart" }],
    ["reset", null, { name: "reset" }],
    ["reportState", null, { name: "reportState" }],
    ["changeState", { enabled: false }, { name: "changeState", enabled: false }],
    ["changeDebug", { debug: true }, { name: "changeDebug", debug: true }],
    ["changeTracking", { tracking: true }, { name: "changeTracking", tracking: true }],
    [
      "sendMessage",
      { service: "mailer" },
      { name: "sendMessage", service: "mailer", action: "Process", message: null },
    ],
    [
      "sendMessage",
      { service: "mailer", action: "Send", message: { to: "a" } },
      { name: "sendMessage", service: "mailer", action: "Send", message: { to: "a" } },
    ],
    ["update", { catalogue: 3 }, { name: "update", payload: { catalogue: 3 } }],
  ])("%s with %j is carried out", (name, payload, command) => {
    expect(readCommand(name, payload)).toEqual({ command });
  });

  test.each([
    ["changeState", null],
    ["changeState", { enabled: "false" }],
    ["changeDebug", { enabled: true }],
    ["changeTracking", []],
    ["sendMessage", {}],
    ["sendMessage", { service: "mailer", action: 7 }],
  ])("%s with %j is answered by what was expected", (name, payload) => {
    const expected = { answer: { status: 400, payload: { error: { code: "ERR_PARAMS_INVALID" } } } };

    expect(readCommand(name, payload)).toMatchObject(expected);
  });

  test.each(["pong", "PING", "", "constructor", "__proto__", "start"])("%j is unknown", (name) => {
    expect(readCommand(name, null)).toMatchObject({
      answer: {
        status: 400,
        payload: { error: { code: "ERR_COMMAND_UNKNOWN", message: expect.stringContaining("changeState") } },
      },
    });
  });
});

describe("what no hub may do", () => {
  test.each([
    "shell",
    "remoteShell",
    "exec",
    "executeScript",
    "ssh",
    "reboot",
    "shutdown",
    "firmware",
    "updateFirmware",
    "vpn",
    "startVPN",
    "refreshVpnSettings",
    "npm",
    "npm-install",
    "installPackage",
    "package",
    "selfUpdate",
    "self-update",
    "updateNode",
    "upgrade",
    "disableTls",
    "tlsVerificationOff",
    "rejectUnauthorized",
  ])("%s is refused by name, as a command and as a method", (name) => {
    for (const read of [readCommand(name, null), readMethod(name)])
      expect(read).toMatchObject({
        answer: {
          status: 403,
          payload: { error: { code: "ERR_COMMAND_REFUSED", message: expect.stringContaining(`${name}: a node`) } },
        },
        refused: expect.stringContaining("a node"),
      });
  });
});

describe("a direct method", () => {
  test("starts or stops the custom services", () => {
    expect([readMethod("start"), readMethod("stop")]).toEqual([{ enabled: true }, { enabled: false }]);
  });

  test.each(["ping", "restart", "Start", "constructor"])("called %s is unknown", (name) => {
    expect(readMethod(name)).toMatchObject({ answer: { status: 400 } });
    expect(readMethod(name)).not.toHaveProperty("refused");
  });
});
