// Which request asks for what. Pure.

export type Route =
  | { kind: "page" | "health" | "metrics" | "state" | "transitions" | "events" | "command" }
  | { kind: "history"; transaction: string }
  | { kind: "logs" | "output"; transaction: string; task: string };

/** Why there is nothing; `allow` are the methods that the path knows. */
export interface NoRoute {
  status: 400 | 404 | 405;
  reason: string;
  allow?: string;
}

const READ = "GET, HEAD";
const PLAIN = {
  "/": "page",
  "/_health": "health",
  "/metrics": "metrics",
  "/api/state": "state",
  "/api/transitions": "transitions",
  "/api/events": "events",
} as const;

export function routeOf(method: string, url: string): { route: Route } | { none: NoRoute } {
  const { pathname, searchParams } = new URL(url.startsWith("/") ? `http://x${url}` : "http://x/?");
  if (!url.startsWith("/")) return { none: { status: 400, reason: "expected a path" } };
  if (pathname === "/api/commands") {
    if (method === "POST") return { route: { kind: "command" } };
    return { none: { status: 405, reason: "commands are posted", allow: "POST" } };
  }
  const route = readingOf(pathname, (name) => searchParams.get(name) ?? "");
  if (route === undefined) return { none: { status: 404, reason: `nothing is at ${pathname.slice(0, 100)}` } };
  if (!READ.split(", ").includes(method)) return { none: { status: 405, reason: `${pathname} is read`, allow: READ } };
  return { route };
}

function readingOf(pathname: string, find: (name: string) => string): Route | undefined {
  const kind = Object.hasOwn(PLAIN, pathname) ? PLAIN[pathname as keyof typeof PLAIN] : undefined;
  if (kind !== undefined) return { kind };
  const transaction = find("transaction");
  switch (pathname) {
    case "/api/history":
      return { kind: "history", transaction };
    case "/api/logs":
      return { kind: "logs", transaction, task: find("task") };
    case "/api/output":
      return { kind: "output", transaction, task: find("task") };
    default:
      return undefined;
  }
}
