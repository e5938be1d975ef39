// Every context file of conf/ does what it is there to show.
import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { copyExamples, finish, run, startCommand } from "../support/command.ts";
import type { Folder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

/** By context file: runs it to the point of its story, and leaves nothing behind. */
const STORIES: { [file: string]: (folder: Folder, file: string) => Promise<void> } = {
  async "Context-EchoAction.xml"(folder, file) {
    await replace(folder.at("conf", file), "<interval_s>5</interval_s>", "<interval_s>1</interval_s>");
    const provider = startCommand("service-context", [folder.at("conf", file), "--start"]);

    await provider.stderr.first((line) => / ts_100 .* \| IT IS \d{4}-\d\d-\d\dT\S+Z!$/.test(line));
    provider.signal("SIGINT");
    const { code, stdout } = await finish(provider);

    expect(code).toBe(0);
    expect(stdout).toEqual([expect.stringMatching(/^transaction [A-Z0-9]{20}$/)]);
  },

  async "Context-StateMachine.xml"(folder, file) {
    const { code, stdout, stderr } = await run("service-context", [folder.at("conf", file), "--until-done"]);

    expect(code).toBe(0);
    expect(stdout.slice(1)).toEqual([
      "TASK   STATE    RUNS  REASON",
      "ts001  exited   1",
      "ts002  exited   1",
      "ts003  stopped  1",
      "ts004  exited   1",
    ]);
    const triggers = stderr.flatMap(
      (line) => / (ts\d+) +trigger (\S+) .*action=(\w+) call=(.*)$/.exec(line)?.slice(1) ?? [],
    );
    expect(triggers).toEqual([
      ...["ts001", "on_exit", "start", "ts002"],
      ...["ts002", "on_exit", "start", '"ts003, ts004"'],
      ...["ts004", "on_update", "stop", "ts003"],
    ]);
  },
};

const FILES = readdirSync(new URL("../../conf", import.meta.url)).filter((name) => /^Context-.*\.xml$/.test(name));

test("every context file of conf/ has a story here", () => {
  expect(FILES.sort()).toEqual(Object.keys(STORIES).sort());
});

test.each(FILES)("%s is fine, and its code is there", async (file) => {
  await using folder = await copyExamples();

  const { code, stdout, stderr } = await run("service-context", [folder.at("conf", file), "--check"]);

  expect({ code, stderr }).toEqual({ code: 0, stderr: [] });
  expect(stdout[0]).toMatch(new RegExp(`^${folder.at("conf", file)} is fine: context context001, \\d task service`));
});

test.each(FILES)("%s tells its story", async (file) => {
  await using folder = await copyExamples();

  await STORIES[file]?.(folder, file);
});

test("a broken example is refused at the line and column of what is wrong with it", async () => {
  await using folder = await copyExamples();
  const file = folder.at("conf", "Context-StateMachine.xml");
  await replace(file, "<call>ts002</call>", "<call>ts2</call>");
  const line = (await readFile(file, "utf8")).split("\n").findIndex((text) => text.includes("ts2")) + 1;

  const { code, stdout, stderr } = await run("service-context", [file, "--check"]);

  expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
  expect(stderr[0]).toBe(`error: ${file} has 1 problem (ERR_CONFIG_INVALID)`);
  expect(stderr[1]).toMatch(new RegExp(`^ {2}${file}:${line}:\\d+: .*ts2.*ts002`));
});

async function replace(file: string, piece: string, replacement: string): Promise<void> {
  const text = await readFile(file, "utf8");
  expect(text).toContain(piece);
  await writeFile(file, text.replace(piece, replacement));
}
