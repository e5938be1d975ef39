import { describe, expect, test } from "vitest";
import { denial } from "../../../src/http/access.ts";
import type { Route } from "../../../src/http/routing.ts";

const token = "a-token-of-the-test";
const own = { host: "127.0.0.1", port: 8080 };
const everywhere = { host: "0.0.0.0", port: 8080 };
const json = { "content-type": "application/json", authorization: `Bearer ${token}` };

/** The status of the refusal, 0 for none. */
function asked(
  kind: "page" | "health" | "state" | "metrics" | "command" | "letter-command",
  headers: { [name: string]: string },
  rules: Partial<Parameters<typeof denial>[1]> = {},
): number {
  const route: Route = { kind };
  const all = { host: "127.0.0.1:8080", ...headers };
  return denial({ headers: all, route }, { address: own, hostname: "plant7", token, ...rules })?.status ?? 0;
}

describe("a name", () => {
  test.each(["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "localhost:9000"])("%s is ours", (host) => {
    expect(asked("state", { host })).toBe(0);
  });

  test.each([
    "evil.example",
    "127.0.0.1.evil.example:8080",
    "localhost.evil.example",
    "192.168.1.5:8080",
    "",
    "plant7",
  ])("%j is not ours, wherever it leads", (host) => {
    expect(asked("page", { host })).toBe(421);
  });

  test("of an open server may be the machine's, or any number, and no other", () => {
    const rules = { address: everywhere };

    expect(asked("page", { host: "192.168.1.5:8080" }, rules)).toBe(0);
    expect(asked("page", { host: "[fe80::1]:8080" }, rules)).toBe(0);
    expect(asked("page", { host: "plant7:8080" }, rules)).toBe(0);
    expect(asked("page", { host: "evil.example:8080" }, rules)).toBe(421);
  });
});

describe("a page of another origin", () => {
  test.each([
    "http://evil.example",
    "null",
    "https://127.0.0.1:8080",
    "http://127.0.0.1:8081",
    "http://localhost:8080",
  ])("%s is not served", (origin) => {
    expect(asked("state", { origin })).toBe(403);
    expect(asked("command", { origin, ...json })).toBe(403);
  });

  test("is seen by what its browser says of it as well, and may link to the page alone", () => {
    expect(asked("state", { "sec-fetch-site": "cross-site" })).toBe(403);
    expect(asked("state", { "sec-fetch-site": "same-site" })).toBe(403);
    expect(asked("page", { "sec-fetch-site": "cross-site" })).toBe(0);
    expect(asked("state", { "sec-fetch-site": "same-origin" })).toBe(0);
  });

  test("is told from our own", () => {
    expect(asked("command", { origin: "http://127.0.0.1:8080", ...json })).toBe(0);
  });
});

describe("a command", () => {
  test("is accepted with the token", () => {
    expect(asked("command", json)).toBe(0);
  });

  test("is refused where there is no token at all, whatever is given", () => {
    expect(asked("command", json, { token: undefined })).toBe(403);
    expect(asked("command", { ...json, authorization: "Bearer undefined" }, { token: undefined })).toBe(403);
  });

  test.each(["", "Bearer", "Bearer ", `Basic ${token}`, `Bearer ${token}x`, `Bearer ${token.slice(1)}`, token])(
    "is refused with %j",
    (authorization) => {
      expect(asked("command", { ...json, authorization })).toBe(401);
    },
  );

  test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])(
    "is refused as %j, which a form of another page could send",
    (type) => {
      expect(asked("command", { ...json, "content-type": type })).toBe(415);
    },
  );

  test("may say how its text is written", () => {
    expect(asked("command", { ...json, "content-type": "application/json; charset=utf-8" })).toBe(0);
  });
});

describe("a request that reads", () => {
  test("needs no token on this machine", () => {
    expect(asked("state", {})).toBe(0);
    expect(asked("metrics", {})).toBe(0);
  });

  test("needs the token where other machines can ask, but for the page and health", () => {
    const rules = { address: everywhere };

    expect(asked("state", {}, rules)).toBe(401);
    expect(asked("metrics", {}, rules)).toBe(401);
    expect(asked("metrics", { authorization: `bearer ${token}` }, rules)).toBe(0);
    expect(asked("page", {}, rules)).toBe(0);
    expect(asked("health", {}, rules)).toBe(0);
  });
});

test("dead letters are replayed and discarded with the token alone, as any command is given", () => {
  expect(asked("letter-command", json)).toBe(0);
  expect(asked("letter-command", { "content-type": "application/json" })).toBe(401);
  expect(asked("letter-command", { ...json, origin: "http://evil.example" })).toBe(403);
  expect(asked("letter-command", json, { token: undefined })).toBe(403);
});
