import { describe, expect, test } from "vitest";
import {
  createProcessOwnership,
  type Limits,
  type SystemTools,
} from "../../../../src/launch/process/process-ownership.ts";
import { COOKIE, readCookie } from "../../../../src/processes/cookie.ts";

const TOOLS: SystemTools = { setpriv: "/usr/bin/setpriv", prlimit: "/usr/bin/prlimit", nice: "/usr/bin/nice" };

function ownership(tools: SystemTools) {
  return createProcessOwnership({
    table: { isAvailable: false, read: async () => [], find: () => undefined },
    guard: { add() {}, remove() {} },
    outputPipes: { open: () => undefined, openInput: () => undefined, [Symbol.dispose]() {} },
    owner: { context: "c0ffee", provider: "p-1" },
    tools,
  });
}

/** The command line of a program that runs under these limits. */
function line(limits: Partial<Limits>, tools = TOOLS): string {
  return [...ownership(tools).commandPrefix({ nice: 0, ...limits }), "./store"].join(" ");
}

describe("a command line", () => {
  test("asks for the death of the program with the provider, and for nothing else that was not asked for", () => {
    expect(line({})).toBe("/usr/bin/setpriv --pdeathsig KILL -- ./store");
  });

  test("sets the limits of the file, in whatever order the programs become each other", () => {
    expect(line({ nice: 5 })).toBe("/usr/bin/setpriv --pdeathsig KILL -- /usr/bin/nice -n 5 -- ./store");
    expect(line({ filesMax: 64 })).toBe(
      "/usr/bin/setpriv --pdeathsig KILL -- /usr/bin/prlimit --nofile=64:64 -- ./store",
    );
    expect(line({ nice: -3, filesMax: 64 })).toBe(
      "/usr/bin/setpriv --pdeathsig KILL -- /usr/bin/prlimit --nofile=64:64 -- /usr/bin/nice -n -3 -- ./store",
    );
  });

  test("is the program's own where the system has no setpriv, and nothing is to be limited", () => {
    expect(line({}, {})).toBe("./store");
  });

  test("names a program that the system lacks rather than leave out a limit: then it can't be started", () => {
    expect(line({ nice: 5, filesMax: 64 }, {})).toBe("prlimit --nofile=64:64 -- nice -n 5 -- ./store");
  });
});

describe("the cookie of a run", () => {
  test("is one variable, which says which provider and run a process belongs to", () => {
    const variable = ownership(TOOLS).cookieVariable("run-7");

    expect(Object.keys(variable)).toEqual([COOKIE]);
    expect(readCookie(variable[COOKIE] ?? "")).toEqual({ context: "c0ffee", provider: "p-1", run: "run-7" });
  });

  test("is another one for another run", () => {
    const { cookieVariable } = ownership(TOOLS);

    expect(cookieVariable("run-7")).not.toEqual(cookieVariable("run-8"));
  });

  test("is refused to a run whose name would make it unreadable", () => {
    expect(() => ownership(TOOLS).cookieVariable("run 7")).toThrow(TypeError);
  });
});
