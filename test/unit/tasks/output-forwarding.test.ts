import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { createOutputForwarding } from "../../../src/tasks/output-forwarding.ts";
import { slowReader } from "../../support/slow-reader.ts";

function forwardTo(pipe: ReturnType<typeof slowReader>) {
  const output = new PassThrough();
  const forwarded = createOutputForwarding(pipe.stream)(output, ({ line }) => pipe.stream.write(line));
  return { output, ...forwarded };
}

const LINES = Array.from({ length: 40_000 }, (_, index) => `line ${index}`);

test("what is written to the pipe beside the output does not wait for more of it than the pipe takes", async () => {
  const pipe = slowReader({ highWaterMark: 100 });
  const { output, ended } = forwardTo(pipe);

  output.end(`${LINES.join("\n")}\n`);
  await new Promise(setImmediate);
  pipe.stream.write("beat");
  pipe.readOn();
  await ended;

  expect(pipe.read.filter((text) => text !== "beat")).toEqual(LINES.slice(0, pipe.read.length - 1));
  expect(pipe.read.indexOf("beat")).toBeGreaterThan(0);
  expect(pipe.read.indexOf("beat")).toBeLessThan(100);
});

test("an output that the pipe does not take is not read, and is read on afterwards to its last line", async () => {
  const pipe = slowReader({ highWaterMark: 100 });
  const { output, ended, push } = forwardTo(pipe);
  output.write(`${LINES.join("\n")}\n`);
  await new Promise(setImmediate);
  const wasPaused = output.isPaused();

  pipe.readOn();
  push("an error\n");
  output.end("the last words");
  await ended;
  await new Promise((resolve) => pipe.stream.end(resolve));

  expect(wasPaused).toBe(true);
  expect(new Set(pipe.read)).toEqual(new Set([...LINES, "an error", "the last words"]));
  expect(pipe.read.at(-1)).toBe("the last words");
});
