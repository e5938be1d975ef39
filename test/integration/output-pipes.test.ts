// Pipes for the output of processes, made by the system's own program.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, readdirSync, writeSync } from "node:fs";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { findProgram } from "../../src/launch/environment/program.ts";
import { createOutputPipes, type OutputPipe, type OutputPipes } from "../../src/launch/output/output-pipes.ts";

const mkfifo = await findProgram("a test", "mkfifo", { folder: "/" });

/** As many pipes as are expected, and two more. */
function all(pipes: OutputPipes, expected: number): OutputPipe[] {
  return Array.from({ length: expected + 2 }, () => pipes.open()).flatMap((pipe) => pipe ?? []);
}

const openFiles = () => readdirSync("/proc/self/fd").length;

describe("pipes for output", () => {
  test("are each their own, and end when they are closed", async () => {
    using pipes = createOutputPipes({ mkfifo, expected: 3, onMissing: () => {} });

    const opened = all(pipes, 3);
    const read = opened.map(({ stream }) => text(stream));
    for (const [index, { writeEnd }] of opened.entries()) {
      writeSync(writeEnd, `pipe ${index}`);
      closeSync(writeEnd);
    }

    expect(await Promise.all(read)).toEqual(opened.map((_, index) => `pipe ${index}`));
    expect(opened).toHaveLength(5);
  });

  test("can be opened by name by the process that has one as its output", async () => {
    using pipes = createOutputPipes({ mkfifo, expected: 1, onMissing: () => {} });
    const [pipe] = all(pipes, 1) as [OutputPipe];
    const read = text(pipe.stream);

    const child = spawn("sh", ["-c", "echo a; echo b > /dev/stdout"], { stdio: ["ignore", pipe.writeEnd, "inherit"] });
    closeSync(pipe.writeEnd);
    await once(child, "exit");

    expect(await read).toBe("a\nb\n");
  });

  test("leave no file open once those that were used are closed", async () => {
    const before = openFiles();

    for (let round = 0; round < 2; round += 1) {
      using pipes = createOutputPipes({ mkfifo, expected: 5, onMissing: () => {} });
      const opened = all(pipes, 1);
      for (const { stream, writeEnd } of opened) {
        closeSync(writeEnd);
        stream.resume();
        await once(stream, "close");
      }
    }

    expect(openFiles()).toBe(before);
  });

  test.each([
    ["there is no program to make them", undefined, "there is no mkfifo"],
    ["the program fails", "/bin/false", "Command failed"],
  ])("are missing where %s, and that is said once", (_, mkfifo, reason) => {
    const said: string[] = [];
    using pipes = createOutputPipes({ mkfifo, expected: 1, onMissing: (text) => said.push(text) });

    expect([pipes.open(), pipes.open()]).toEqual([undefined, undefined]);
    expect(said).toEqual([expect.stringContaining(reason)]);
  });
});
