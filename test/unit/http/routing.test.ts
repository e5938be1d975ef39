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
    ["/api/history?transaction=T%201", { kind: "history", transaction: "T 1" }],
    ["/api/logs?transaction=T1&task=a%26b", { kind: "logs", transaction: "T1", task: "a&b" }],
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
    expect(routeOf("GET", "/api/commands")).toMatchObject({ none: { status: 405, allow: "POST" } });
    expect(routeOf("POST", "/api/state")).toMatchObject({ none: { status: 405, allow: "GET, HEAD" } });
    expect(routeOf("OPTIONS", "/api/state")).toMatchObject({ none: { status: 405 } });
  });
});
