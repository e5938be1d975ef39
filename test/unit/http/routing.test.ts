import { describe, expect, test } from "vitest";
import { routeOf } from "../../../src/http/routing.ts";

describe("a request", () => {
  test.each([
    ["/", { kind: "page" }],
    ["/?x=1", { kind: "page" }],
    ["/_health", { kind: "health" }],
    ["/metrics", { kind: "metrics" }],
    ["/api/state", { kind: "state" }],
    ["/api/transitions", { kind: "transitions" }],
    ["/api/events", { kind: "events" }],
    ["/api/dead-letters", { kind: "letters" }],
    ["/api/dead-letter?id=1-7", { kind: "letter", id: "1-7" }],
    ["/api/history?transaction=T%201", { kind: "history", transaction: "T 1" }],
    ["/api/logs?transaction=T1&task=a%26b", { kind: "logs", transaction: "T1", task: "a&b" }],
    [
      "/api/logs/search?transaction=T1&task=a&grep=x%7Cy",
      { kind: "log-search", transaction: "T1", task: "a", pattern: "x|y" },
    ],
    ["/api/logs/text?transaction=T1&task=a", { kind: "log-text", transaction: "T1", task: "a" }],
    ["/api/output?task=ts001", { kind: "output", transaction: "", task: "ts001" }],
  ])("for %s is understood", (url, route) => {
    expect(routeOf("GET", url)).toEqual({ route });
    expect(routeOf("HEAD", url)).toEqual({ route });
  });

  test.each(["/nothing", "/api", "/api/state/", "/constructor", "/__proto__", "/../etc/passwd", "//api/state"])(
    "for %s finds nothing",
    (url) => {
      expect(routeOf("GET", url)).toMatchObject({ none: { status: 404 } });
    },
  );

  test.each(["*", "http://elsewhere/api/state", ""])("for %j is none of ours", (url) => {
    expect(routeOf("GET", url)).toMatchObject({ none: { status: 400 } });
  });

  test("commands where it may, and reads everywhere else", () => {
    expect(routeOf("POST", "/api/commands")).toEqual({ route: { kind: "command" } });
    expect(routeOf("POST", "/api/dead-letters")).toEqual({ route: { kind: "letter-command" } });
    expect(routeOf("POST", "/api/dead-letter?id=1")).toMatchObject({ none: { status: 405 } });
    expect(routeOf("GET", "/api/commands")).toMatchObject({ none: { status: 405, allow: "POST" } });
    expect(routeOf("POST", "/api/state")).toMatchObject({ none: { status: 405, allow: "GET, HEAD" } });
    expect(routeOf("OPTIONS", "/api/state")).toMatchObject({ none: { status: 405 } });
  });
});

test("a history may be asked for so many seconds back, and for nothing else", () => {
  const since = (text: string) => routeOf("GET", `/api/history?transaction=T1&since=${text}`);

  expect(since("86400")).toEqual({ route: { kind: "history", transaction: "T1", backMs: 86_400_000 } });
  for (const wrong of ["", "0", "-1", "1h", "1e9", "123456789012"])
    expect(since(wrong)).toMatchObject({ none: { status: 400 } });
});
