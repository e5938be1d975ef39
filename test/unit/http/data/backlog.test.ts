import { describe, expect, test } from "vitest";
import { createBacklog, formatEvent } from "../../../../src/http/data/backlog.ts";

describe("what waits for a listener", () => {
  test("begins with a snapshot, which has all that came before", () => {
    const backlog = createBacklog({ maxLength: 10, snapshot: () => "snapshot;" });

    backlog.add("before;");

    expect(backlog.take()).toBe("snapshot;");
    expect(backlog.take()).toBe("");
  });

  test("goes out in its order", () => {
    const backlog = createBacklog({ maxLength: 10, snapshot: () => "" });
    backlog.take();

    expect(backlog.add("one;")).toBe(true);
    expect(backlog.add("two;")).toBe(true);

    expect(backlog.take()).toBe("one;two;");
  });

  test("is dropped when it is too much, and a fresh snapshot takes its place", () => {
    let made = 0;
    const backlog = createBacklog({
      maxLength: 10,
      snapshot() {
        made += 1;
        return `snapshot ${made};`;
      },
    });
    backlog.take();

    expect(["12345", "67890", "x", "y"].map(backlog.add)).toEqual([true, true, false, true]);
    expect(made).toBe(1);

    expect(backlog.take()).toBe("snapshot 2;");
    backlog.add("next;");
    expect(backlog.take()).toBe("next;");
  });

  test("is one line of data an event, whatever it holds", () => {
    expect(formatEvent("line", "a\nb\r\n\n")).toBe('event: line\ndata: "a\\nb\\r\\n\\n"\n\n');
  });
});
