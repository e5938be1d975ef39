// Decides what a request asks for, by method and URL. Pure.

export type Route =
  | { kind: "page" | "health" | "metrics" | "state" | "transitions" | "events" | "letters" }
  /** These change something. */
  | { kind: "command" | "letter-command" }
  /** `backMs` is how far back to read; absent for the last hour. */
  | { kind: "history"; transaction: string; backMs?: number }
  | { kind: "logs" | "log-text" | "output"; transaction: string; task: string }
  /** `pattern` is a regular expression. */
  | { kind: "log-search"; transaction: string; task: string; pattern: string }
  | { kind: "letter"; id: string };

/** Why there is no route; `allow` names the methods of the path. */
export interface NoRoute {
  status: 400 | 404 | 405;
  reason: string;
  allow?: string;
}

/** No more than a few thousand years. */
const SECONDS = /^[1-9]\d{0,10}$/;
const READ = "GET, HEAD";
const PLAIN = {
  "/": "page",
  "/_health": "health",
  "/metrics": "metrics",
  "/api/state": "state",
  "/api/transitions": "transitions",
  "/api/events": "events",
  "/api/dead-letters": "letters",
} as const;

export function routeOf(method: string, url: string): { route: Route } | { none: NoRoute } {
  const { pathname, searchParams } = new URL(url.startsWith("/") ? `http://x${url}` : "http://x/?");
  if (!url.startsWith("/")) return { none: { status: 400, reason: "expected a path" } };
  if (pathname === "/api/commands") {
    if (method === "POST") return { route: { kind: "command" } };
    return { none: { status: 405, reason: "expected POST", allow: "POST" } };
  }
  if (pathname === "/api/dead-letters" && method === "POST") return { route: { kind: "letter-command" } };
  const find = (name: string) => searchParams.get(name) ?? "";
  const since = searchParams.get("since");
  if (pathname === "/api/history" && since !== null && !SECONDS.test(since))
    return { none: { status: 400, reason: "since: expected a number of seconds" } };
  const route = readingOf(pathname, find);
  if (route === undefined) return { none: { status: 404, reason: `nothing is at ${pathname.slice(0, 100)}` } };
  if (!READ.split(", ").includes(method)) return { none: { status: 405, reason: `expected ${READ}`, allow: READ } };
  return { route };
}

function readingOf(pathname: string, find: (name: string) => string): Route | undefined {
  const kind = Object.hasOwn(PLAIN, pathname) ? PLAIN[pathname as keyof typeof PLAIN] : undefined;
  if (kind !== undefined) return { kind };
  const transaction = find("transaction");
  switch (pathname) {
    case "/api/history":
      return {
        kind: "history",
        transaction,
        ...(find("since") === "" ? {} : { backMs: Number(find("since")) * 1_000 }),
      };
    case "/api/logs":
      return { kind: "logs", transaction, task: find("task") };
    case "/api/logs/search":
      return { kind: "log-search", transaction, task: find("task"), pattern: find("grep") };
    case "/api/logs/text":
      return { kind: "log-text", transaction, task: find("task") };
    case "/api/dead-letter":
      return { kind: "letter", id: find("id") };
    case "/api/output":
      return { kind: "output", transaction, task: find("task") };
    default:
      return undefined;
  }
}
