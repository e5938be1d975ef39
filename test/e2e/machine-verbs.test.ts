// The verbs of `zcontext` for this machine and its shell, as a user types them.
import { expect, test } from "vitest";
import { finish, programOf, run, startCommand, startProgram } from "../support/command.ts";
import { contextXml, shell } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

const SLEEPS = shell("sleeper", "exec sleep 1000000");

test("bash completes verbs, files, and the tasks and transactions of what runs; doctor finds it", async () => {
  await using folder = await makeFolder({ "Context-Test.xml": contextXml([SLEEPS]) });
  const file = folder.at("Context-Test.xml");
  const { stdout: script } = await run("zcontext", ["completion", "bash"]);
  await using provider = startCommand("service-context", [file, "--start", "T17"]);
  await provider.stderr.first((line) => / sleeper +running /.test(line));
  const asked = ["logz", "re", "restart -f F --task_id sl", "logs -f F --transaction T1", "run F"];
  const lines = asked.map((line) => line.replaceAll("F", file).split(" "));
  const source = [
    `zcontext() { ${process.execPath} ${programOf("zcontext")} "$@"; }`,
    ...script,
    "compopt() { :; }",
    ...lines.map((words) => {
      const all = ["zcontext", ...words].map((word) => `'${word}'`).join(" ");
      return `COMP_WORDS=(${all}); COMP_CWORD=${words.length}; _zcontext zcontext; echo "\${COMPREPLY[*]}"`;
    }),
  ].join("\n");

  const { stdout } = await finish(startProgram("bash", ["-c", source], { cwd: folder.path }));
  expect(stdout.slice(0, 4)).toEqual(["", "restart", "sleeper", "T17"]);
  expect(stdout[4]).toContain(file);

  const doctor = await run("zcontext", ["doctor", "-f", file, "--json"]);
  const { result, findings } = JSON.parse(doctor.stdout.join(""));
  expect(doctor.code).toBe(result === "success" ? 0 : 1);
  expect(findings).toContainEqual({ check: "ports", weight: "ok", found: "held by the running provider" });
  expect(findings).toContainEqual({ check: "zeromq", weight: "ok", found: "loads" });
  provider.signal("SIGTERM");
  expect((await finish(provider)).code).toBe(0);
});
