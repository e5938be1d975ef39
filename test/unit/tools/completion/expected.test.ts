import { Argument, Command, Option } from "commander";
import { describe, expect, test } from "vitest";
import { expectedAt } from "../../../../tools/completion/expected.ts";

const program = new Command("tool").version("1", "-V, --version").helpOption("-h, --help").helpCommand("help [verb]");
const run = program.command("run").argument("[context-file]").option("-f, --context_file <file>");
run.addOption(new Option("--log_level <level>").choices(["info", "warn"])).option("--until_done");
run.option("--services_root <dir>", "a folder; may be repeated").option("--history [folder]");
const logs = program.command("logs").option("--task_id <ids>", "tasks; may be repeated").option("--since <time>");
logs.option("--state_dir <dir>").option("-f, --context_file <file>");
const bus = program.command("bus").option("--json");
bus.command("dead").command("list").option("--event <name>");
program.command("completion").addArgument(new Argument("<shell>").choices(["bash", "zsh"]));
program.command("__complete", { hidden: true });

const valuesAt = (...words: string[]) => expectedAt(program, words).candidates.map(({ value }) => value);

describe("where the cursor is", () => {
  test.each([
    ["at the first word, the verbs fit that are shown", [""], ["run", "logs", "bus", "completion", "help"]],
    ["at a part of a verb", ["l"], ["logs"]],
    ["after a verb that has verbs", ["bus", ""], ["dead", "help"]],
    ["after two", ["bus", "dead", "l"], ["list"]],
    ["at an option", ["logs", "--s"], ["--since", "--state_dir"]],
    ["at an option that is typed with a dash", ["logs", "--state-"], ["--state-dir"]],
    ["at an option of the verb above", ["bus", "dead", "list", "--j"], ["--json"]],
    ["at a value with choices", ["run", "--log_level", ""], ["info", "warn"]],
    ["at one after an equals sign", ["run", "--log-level=w"], ["warn"]],
    ["at one that bash has broken off", ["run", "--log_level", "=", "w"], ["warn"]],
    ["at an argument with choices", ["completion", "b"], ["bash"]],
    ["after an option without a value", ["run", "--until_done", "--log_level", ""], ["info", "warn"]],
  ])("%s", (_, words, values) => {
    expect(valuesAt(...words)).toEqual(values);
  });

  test("options that were given come once, unless they may be repeated", () => {
    const values = valuesAt("run", "--until_done", "--services_root", "a", "--");

    expect(values).not.toContain("--until_done");
    expect(values).toContain("--services_root");
  });

  test.each([
    ["a task", ["logs", "--task_id", "w"], { kind: "task", partial: "w", prefix: "" }],
    ["a further task", ["logs", "--task_id", "a,b,w"], { kind: "task", partial: "w", prefix: "a,b," }],
    ["a task after an equals sign", ["logs", "--task_id=a,"], { kind: "task", partial: "", prefix: "--task_id=a," }],
    ["a context", ["run", "-f", ""], { kind: "context" }],
    ["a context as an argument", ["run", ""], { kind: "context" }],
    ["a folder", ["logs", "--state-dir", ""], { kind: "folder" }],
    ["an optional value", ["run", "--history", "x"], { kind: "folder", partial: "x" }],
  ])("%s is asked for", (_, words, expected) => {
    expect(expectedAt(program, words)).toMatchObject(expected);
  });

  test("the context that was named is known", () => {
    expect(expectedAt(program, ["logs", "-f", "A.xml", "--state_dir=/s", "--task_id", ""]).given).toEqual({
      context_file: "A.xml",
      state_dir: "/s",
    });
  });

  test("nothing fits after an argument that is the last", () => {
    expect(expectedAt(program, ["run", "A.xml", ""])).toMatchObject({
      candidates: [],
      given: { context_file: "A.xml" },
    });
  });
});
