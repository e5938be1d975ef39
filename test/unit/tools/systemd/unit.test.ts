import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { givenWords } from "../../../../tools/systemd/given-words.ts";
import { standingOf } from "../../../../tools/systemd/standing.ts";
import { type UnitFacts, unitNameOf, unitText } from "../../../../tools/systemd/unit.ts";

const FACTS: UnitFacts = {
  scope: "system",
  file: "/srv/shop/Context-Shop.xml",
  command: ["/usr/bin/node", "/srv/shop/service-context.cjs", "/srv/shop/Context-Shop.xml"],
  folder: "/srv/shop",
  path: "/usr/bin:/bin",
  stopMs: 20_000,
};

/** What the unit has for a key. */
function settingOf(key: string, facts: Partial<UnitFacts> = {}): string | undefined {
  const line = unitText({ ...FACTS, ...facts })
    .split("\n")
    .find((each) => each.startsWith(`${key}=`));
  return line?.slice(key.length + 1);
}

describe("a unit", () => {
  test("has a word of its command as it is", () => {
    const words = ["/a b/node", '/50%/"x"', "$HOME", "back\\slash"];

    expect(settingOf("ExecStart", { command: words })).toBe('"/a b/node" "/50%%/\\"x\\"" "$$HOME" "back\\\\slash"');
  });

  test("has its folder without quotes", () => {
    expect(settingOf("WorkingDirectory", { folder: "/a b%c" })).toBe("/a b%%c");
  });

  test("refuses a path with a line break, which would begin a setting of its own", () => {
    expect(() => unitText({ ...FACTS, folder: "/a\nUser=root" })).toThrow(/control character/);
  });

  test("leaves the grace periods of the file their time", () => {
    expect(Number(settingOf("TimeoutStopSec"))).toBeGreaterThan(20);
  });

  test("of the machine may have a user, and begins at boot", () => {
    expect(settingOf("User", { user: "shop" })).toBe("shop");
    expect(settingOf("User")).toBeUndefined();
    expect(settingOf("WantedBy")).toBe("multi-user.target");
    expect(settingOf("WantedBy", { scope: "user" })).toBe("default.target");
  });

  test.each([
    ["/srv/Context-Shop.xml", "zcontext-Shop.service"],
    ["Context-a b@$.xml", "zcontext-a-b--.service"],
    ["other.XML", "zcontext-other.service"],
  ])("of %s is called %s", (file, name) => {
    expect(unitNameOf(file)).toBe(name);
  });
});

test("options are written down as they were given, and defaults are not", () => {
  const command = new Command()
    .option("--http <address>")
    .option("--no_resume")
    .option("--log_level <level>", "", "info")
    .option("--services_root <dir>", "", (dir: string, before: string[]) => [...before, dir], [])
    .option("--print");
  command.parse(["--services_root", "a b", "--http", "0", "--services_root", "c", "--no_resume", "--print"], {
    from: "user",
  });
  const names = new Set(["http", "no_resume", "log_level", "services_root"]);

  expect(givenWords(command, names)).toEqual([
    ...["--http", "0", "--no_resume", "--services_root", "a b", "--services_root", "c"],
  ]);
});

describe("the status", () => {
  const tasks = (...states: Parameters<typeof standingOf>[0][number]["lifecycle"][]) =>
    states.map((lifecycle, index) => ({ service_id: `ts${index}`, lifecycle }));

  test.each([
    [tasks(), "takes commands, nothing is started"],
    [tasks("running"), "1 task runs"],
    [tasks("running", "running", "failed", "exited"), "2 tasks run, 1 failed: ts2"],
    [tasks("starting", "backingOff", "running"), "1 task runs, 2 on the way"],
    [tasks(...Array<"failed">(7).fill("failed")), "0 tasks run, 7 failed: ts0, ts1, ts2, ts3, ts4, …"],
  ])("of tasks is one line (%#)", (standing, text) => {
    expect(standingOf(standing)).toBe(text);
  });
});
