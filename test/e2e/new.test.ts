// `zcontext new`: any program in one line.
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { finish, run, startCommand } from "../support/command.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

test("a program gets into a file that is made for it, is checked, and runs from where it was added", async () => {
  await using folder = await makeFolder({
    "shop/bin/greet": '#!/bin/sh\necho "$GREETING from $(pwd)"\n',
    "shop/.env": "GREETING=hello",
  });
  const cwd = folder.at("shop");
  const zcontext = (...words: string[]) => run("zcontext", words, { cwd });

  const first = await zcontext("new", "greet", "--command", "sh bin/greet", "--env-file", ".env");
  const second = await zcontext("new", "late", "--after", "greet", "--instances", "2", "--", "echo", "a b", "$HOME");
  const again = await zcontext("new", "late", "--command", "true");
  const dry = await zcontext("new", "third", "--command", "true", "--restart", "always", "--dry-run");
  const check = await zcontext("check", "conf/Context-shop.xml");
  const text = await readFile(folder.at("shop/conf/Context-shop.xml"), "utf8");
  await using provider = startCommand("service-context", ["conf/Context-shop.xml", "--start", "--until-done"], { cwd });
  const ran = await finish(provider);

  expect([first.code, first.stdout]).toEqual([0, ["conf/Context-shop.xml made, with greet in it"]]);
  expect(first.stderr).toEqual(["next: npx zcontext run conf/Context-shop.xml"]);
  expect([second.code, second.stdout]).toEqual([0, ["conf/Context-shop.xml: late added"]]);
  expect(second.stderr[0]).toBe(
    "warning: no shell runs the command, so \"$HOME\" is an argument like any other; for a shell write sh -c '…'",
  );
  expect([again.code, again.stderr[0]]).toEqual([2, expect.stringContaining("there is a task late already")]);
  expect([dry.code, dry.stdout.join("\n")]).toEqual([0, expect.stringContaining('+    <Supervision restart="always"')]);
  expect(text).not.toContain("third");
  expect(check.code).toBe(0);
  expect(ran.code).toBe(0);
  expect(ran.stderr.join("\n")).toContain(`hello from ${cwd}`);
  expect(ran.stderr.filter((line) => line.includes("a b $HOME"))).toHaveLength(2);
});

test.each([
  [["new", "1web", "--command", "true"], "expected a name such as web"],
  [["new", "web"], "there is no command"],
  [["new", "web", "--command", "true", "--", "true"], "there are two commands"],
  [["new", "web", "--command", "echo 'a"], "--command: expected a closing '"],
  [["new", "web", "--command", "true", "--env", "A"], "--env: expected NAME=value"],
])("%j is refused, and nothing is written", async (words, reason) => {
  await using folder = await makeFolder();

  const { code, stderr } = await run("zcontext", words, { cwd: folder.path });

  expect([code, stderr.join("\n")]).toEqual([2, expect.stringContaining(reason)]);
  expect((await run("zcontext", ["check"], { cwd: folder.path })).code).toBe(2);
});
