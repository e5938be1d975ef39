// A provider in the background, as a person without a service manager runs it.
import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { run } from "../support/command.ts";
import { contextXml, shell } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess, untilGone } from "../support/processes.ts";

leaveNoProcess();

const SLEEPS = shell("sleeper", "exec sleep 1000000");

test("--daemon answers once the provider is ready, which keeps its own log and its pid file until it has left", async () => {
  await using folder = await makeFolder({ "Context-Test.xml": contextXml([SLEEPS]) });
  const file = folder.at("Context-Test.xml");
  const pidFile = folder.at("test.pid");
  const words = ["run", file, "--daemon", "--pid-file", pidFile, "--transaction", "T1", "--json"];

  const started = await run("zcontext", words);
  expect(started.code).toBe(0);
  const { pid, transaction } = JSON.parse(started.stdout.join(""));
  try {
    expect(transaction).toBe("T1");
    expect((await readFile(pidFile, "utf8")).trim()).toBe(String(pid));
    // A session of its own, and so no terminal that can be closed.
    expect(await sessionOf(pid)).toBe(pid);

    const again = await run("zcontext", words);
    expect(again.code).toBe(3);
    expect(JSON.parse(again.stdout.join(""))).toMatchObject({ code: "ERR_PROVIDER_RUNNING" });
    expect((await readFile(pidFile, "utf8")).trim()).toBe(String(pid));

    expect((await run("zcontext", ["list", "--json"])).stdout.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ file, pid }),
    );
  } finally {
    expect((await run("zcontext", ["exit", "-f", file])).code).toBe(0);
    await untilGone(pid);
  }
  await expect(readFile(pidFile)).rejects.toThrow("ENOENT");
  const log = await run("zcontext", ["logs", "--provider", "-f", file]);
  expect(log.stdout[0]).toContain("provider ready");
  expect(log.stdout.at(-1)).toContain("provider left");
});

test("--daemon shows why a start has failed, and ends as the provider in the foreground does", async () => {
  await using folder = await makeFolder({ "Context-Test.xml": contextXml([SLEEPS]) });
  const file = folder.at("Context-Test.xml");
  const kept = folder.at("kept.txt");
  await writeFile(kept, "a letter\n");

  const onOther = await run("service-context", [file, "--daemon", "--pid-file", kept]);
  expect(onOther).toMatchObject({ code: 2, stdout: [] });
  expect(onOther.stderr[0]).toBe(`error: --pid-file ${kept}: it holds something else than a process id (ERR_USAGE)`);
  expect(await readFile(kept, "utf8")).toBe("a letter\n");

  await writeFile(file, "<Context/>");
  const [inFront, behind] = [await run("service-context", [file]), await run("service-context", [file, "--daemon"])];
  expect(behind).toEqual(inFront);
  expect(behind.code).toBe(2);
});

async function sessionOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]);
}
