import { describe, expect, test } from "vitest";
import { createLastErrorLine } from "../../../../src/launch/output/last-error-line.ts";

function lastOf(...lines: string[]): string | undefined {
  const last = createLastErrorLine();
  for (const line of lines) last.add(line);
  return last.line;
}

describe("the last error line of a process", () => {
  test("is the last line that is not empty", () => {
    expect(lastOf()).toBeUndefined();
    expect(lastOf("", "  ")).toBeUndefined();
    expect(lastOf("one", " two ", "", "\t")).toBe("two");
  });

  test("is found at once in a line that only looks like many prefixes", () => {
    const line = "1: ".repeat(20_000);

    expect(lastOf(line)).toBe(line.trim().slice(0, 200));
  });

  test("is the error that Node has died of, not the version that it prints after it", () => {
    const lines = [
      "node:net:1937",
      "      const ex = new UVExceptionWithHostPort(err, 'listen', address, port);",
      "                 ^",
      "",
      "Error: listen EADDRINUSE: address already in use 127.0.0.1:5000",
      "    at Server.setupListenHandle [as _listen2] (node:net:1937:16)",
      "  code: 'EADDRINUSE',",
      "}",
      "",
      "Node.js v20.19.0",
    ];

    expect(lastOf(...lines)).toBe("Error: listen EADDRINUSE: address already in use 127.0.0.1:5000");
  });

  test.each([
    "OSError: [Errno 98] Address already in use",
    "TypeError [ERR_INVALID_ARG_TYPE]: no number",
    "java.net.BindException: Address already in use",
    "store: error: no such table",
    "sh: 1: fatal: no such thing",
    "panic: runtime error",
  ])("is a line that names an error, whatever comes after it: %s", (line) => {
    expect(lastOf("Error: before", line, "bye")).toBe(line);
  });

  test.each(["errors: 0", "no error: really", "at Error: (file.js:1:1)"])(
    "is no line that only mentions one: %s",
    (line) => {
      expect(lastOf(line, "bye")).toBe("bye");
    },
  );

  test("is cut to 200 characters", () => {
    expect(lastOf("x".repeat(300))).toBe("x".repeat(200));
  });
});
