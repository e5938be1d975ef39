import { expect, test } from "vitest";
import type { Command } from "../../../../src/config/context-config.ts";
import { assertAllowedCommand } from "../../../../src/launch/code/allowed-commands.ts";
import { task } from "../../context/task.ts";

function command(program: string, ...words: string[]): Command {
  return { program, words, readyAfterMs: 1_000 };
}

const own = [task("ts001"), task("ts002", { serviceType: "Executable", command: command("sh", "-c", "exit 0") })];

test("a command is the provider's own when one of its tasks has the same program and words, whatever else differs", () => {
  const same = { ...command("sh", "-c", "exit 0"), readyAfterMs: 5 };

  expect(() => assertAllowedCommand("ts009", same, own)).not.toThrow();
});

test.each([
  ["another program", command("/bin/sh", "-c", "exit 0")],
  ["a further word", command("sh", "-c", "exit 0", "")],
  ["a word less", command("sh", "-c")],
  ["another word", command("sh", "-c", "exit 1")],
  ["its words cut in another place", command("sh", "-c exit 0")],
])("a command with %s is not", (_, foreign) => {
  expect(() => assertAllowedCommand("ts002", foreign, own)).toThrow(
    expect.objectContaining({ code: "ERR_LOCATION_FORBIDDEN" }),
  );
});

test("a provider without a program of its own runs none", () => {
  expect(() => assertAllowedCommand("ts001", command("sh"), [task("ts001")])).toThrow(
    expect.objectContaining({ code: "ERR_LOCATION_FORBIDDEN" }),
  );
});

test("a refusal says what was asked for and what to do", () => {
  expect(() => assertAllowedCommand("ts009", command("rm", "-r", "my files"), own)).toThrow(
    "ts009: no task of the provider's own file has the command rm -r 'my files'; write it there, or start a task by its id",
  );
});
