import { describe, expect, test } from "vitest";
import { type Command, parseContextConfig } from "../../../src/config/context-config.ts";
import { detailsOf, executableWith, GOOD, goodBut } from "./context-xml.ts";

function commandOf(text: string): Command | undefined {
  return parseContextConfig(text).tasks[0]?.command;
}

describe("an Executable", () => {
  test("has a program, its words and then its arguments, and counts as started after a second", () => {
    const parts = "<argument>one more</argument><command>python3 'my program.py' -v</command><argument>-x</argument>";

    expect(commandOf(executableWith(parts))).toEqual({
      program: "python3",
      words: ["my program.py", "-v", "one more", "-x"],
      readyAfterMs: 1_000,
    });
  });

  test("has its arguments as they are written, white space, quotes and all", () => {
    const parts = `<command>a</command><argument> "b  c" '$d\\ </argument><argument/><argument><![CDATA[<&]]>&amp;</argument>`;

    expect(commandOf(executableWith(parts))?.words).toEqual([` "b  c" '$d\\ `, "", "<&&"]);
  });

  test("may have no word that the system does not take", () => {
    const long = "é".repeat(65_536);
    const problemsOf = (parts: string) => detailsOf(() => parseContextConfig(executableWith(parts), { file: "c.xml" }));

    expect(problemsOf(`<command>a ${long}</command>`)).toEqual([
      expect.stringMatching(/ts001, command: expected at most 131071 bytes, got 131072 \("é{59}…"\)$/),
    ]);
    expect(problemsOf(`<command>a</command><argument>${long}</argument>`)).toEqual([
      expect.stringMatching(/ts001, argument: expected at most 131071 bytes, got 131072 \("é{59}…"\)$/),
    ]);
    expect(commandOf(executableWith(`<command>a ${long.slice(1)}</command>`))?.words).toHaveLength(1);
  });

  test("may have a command over several lines", () => {
    expect(commandOf(executableWith("<command>\n  sh\n  -c 'a\n b'\n</command>"))).toMatchObject({
      program: "sh",
      words: ["-c", "a\n b"],
    });
  });

  test.each([
    ["0", 0],
    ["0.25", 250],
    ["2", 2_000],
    ["86400", 86_400_000],
    ["0.0004", 0],
  ])("counts as started after %s s, given in an attribute or an element", (seconds, readyAfterMs) => {
    const element = `<command>a</command><ready_after_s> ${seconds} </ready_after_s>`;

    expect(commandOf(executableWith("<command>a</command>", seconds))).toMatchObject({ readyAfterMs });
    expect(commandOf(executableWith(element))).toMatchObject({ readyAfterMs });
  });
});

test("a task of another type has no command", () => {
  expect(parseContextConfig(GOOD).tasks.map((task) => "command" in task)).toEqual([false, false]);
});

describe("a problem of an Executable says where it is, what was expected and what came", () => {
  const line = 8;
  const program = "expected a program and its arguments, such as python3 program.py";
  const seconds = "expected a number of seconds from 0 to 86400";
  const only = `expected with serviceType="Executable" only, got it with`;
  const process = (parts: string, attribute = "") =>
    goodBut(`serviceType="Process">`, `serviceType="Process"${attribute}>${parts}`);

  const cases: [what: string, text: string, ...problems: string[]][] = [
    ["no command", executableWith(""), `${line}:3: TaskService ts001, command: ${program}, got nothing`],
    [
      "an empty command",
      executableWith("<command> </command>"),
      `${line}:90: TaskService ts001, command: ${program}, got " "`,
    ],
    [
      "an empty program",
      executableWith("<command>'' a</command>"),
      `${line}:90: TaskService ts001, command: ${program}, got "'' a"`,
    ],
    [
      "a quote that does not end, and a time that is none",
      executableWith("<command>sh -c 'a b</command>", "soon"),
      `${line}:90: TaskService ts001, ready_after_s: ${seconds}, got "soon"`,
      `${line}:111: TaskService ts001, command: expected a closing ', got "'a b"`,
    ],
    [
      "a time that is too long",
      executableWith("<command>a</command><ready_after_s>86401</ready_after_s>"),
      `${line}:110: TaskService ts001, ready_after_s: ${seconds}, got "86401"`,
    ],
    [
      "an attribute that is an element",
      executableWith("<command>a</command>").replace("serviceType", `argument="b" serviceType`),
      `${line}:65: TaskService ts001: unknown attribute "argument"; write it as an element, <argument>`,
    ],
    [
      "a command and all that belongs to it, of a process",
      process("<argument/><argument/><command>a</command>", ` ready_after_s="1"`),
      `${line}:87: TaskService ts001, ready_after_s: ${only} "Process"`,
      `${line}:105: TaskService ts001, argument: ${only} "Process"`,
      `${line}:127: TaskService ts001, command: ${only} "Process"`,
    ],
    [
      "a command of a service type that is none",
      goodBut(`serviceType="Process">`, `serviceType="Executabel"><command>a 'b</command>`),
      `${line}:65: TaskService ts001, serviceType: expected one of Process, Thread, Executable, got "Executabel"; did you mean "Executable"?`,
    ],
  ];

  test.each(cases)("%s", (_, text, ...problems) => {
    expect(detailsOf(() => parseContextConfig(text, { file: "c.xml" }))).toEqual(problems.map((one) => `c.xml:${one}`));
  });
});
