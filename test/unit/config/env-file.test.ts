import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseEnvFile } from "../../../src/config/env-file.ts";

function environmentOf(text: string): Record<string, string> {
  const { environment, problems } = parseEnvFile(text, ".env");
  expect(problems).toEqual([]);
  return environment;
}

describe("a line of an env file", () => {
  const lines: [what: string, line: string, value: string][] = [
    ["is a name and a value", "A=1", "1"],
    ["may have no value", "A=", ""],
    ["may be as a shell exports it", "export A=1", "1"],
    ["may be indented, and have white space around its value", " \tA= 1 2\t", "1 2"],
    ["may have more than one =", "A=b=c==", "b=c=="],
    ["may end in a comment", "A=1 # one", "1"],
    ["may be nothing but a comment behind the =", "A= # none", ""],
    ["has a comment only behind white space", "A=#1#", "#1#"],
    ["keeps quotes and backslashes of a value that begins with none", `A=it's "C:\\new"`, `it's "C:\\new"`],
    ["has nothing expanded", "A=$HOME ~ `id` $(id)", "$HOME ~ `id` $(id)"],
    ["is itself between single quotes", `A=' # \\n "$B" '`, ` # \\n "$B" `],
    ["may be empty between quotes", "A=''", ""],
    ["knows four escapes between double quotes", `A="a\\nb \\"c\\" \\\\ \\$d"`, `a\nb "c" \\ $d`],
    ["keeps every other backslash between double quotes", `A="\\t\\\\n"`, "\\t\\n"],
    ["has nothing expanded between double quotes", `A="$B"`, "$B"],
    ["may end in a comment behind a quote", `A="1" # one`, "1"],
  ];

  test.each(lines)("%s", (_, line, value) => {
    expect(environmentOf(line)).toEqual({ A: value });
  });
});

describe("an env file", () => {
  test("has many lines, empty ones and comments among them", () => {
    expect(environmentOf("# mine\nA=1\n\n  # B=2\n_c3=3")).toEqual({ A: "1", _c3: "3" });
    expect(environmentOf("")).toEqual({});
  });

  test("may have a byte order mark and Windows line ends", () => {
    expect(environmentOf(`\uFEFFA=1\r\nB='2'\r\n\r\nC="3"\r`)).toEqual({ A: "1", B: "2", C: "3" });
  });

  test("means the last one where a name comes twice", () => {
    expect(environmentOf("A=1\nA=2")).toEqual({ A: "2" });
  });

  test("changes no prototype", () => {
    const environment = environmentOf("__proto__=1\nconstructor=2");

    expect(Object.entries(environment)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
    ]);
    expect(Object.getPrototypeOf(environment)).toBe(Object.prototype);
  });

  const faults: [what: string, line: string, got: string][] = [
    ["no =", "c2VjcmV0", "no ="],
    ["a name alone behind export", "export A", "no ="],
    ["no name", "=secret", "something else before the ="],
    ["a name that is none, and may be a secret itself", "c2Vj+cmV0==", "something else before the ="],
    ["white space before the =", "A =secret", "something else before the ="],
    ["a name of ours", "ZCONTEXT_TOPIC=secret", "a name that begins with ZCONTEXT_; those are zcontext's own"],
    ["an open single quote", "A='secret", "a quote that is not closed for A"],
    ["an open double quote", `A="secret\\"`, "a quote that is not closed for A"],
    ["text behind a quote", "A='secret'secret", "text behind the closing quote for A"],
    ["a comment at a quote", "A='secret'#secret", "text behind the closing quote for A"],
    ["a NUL character", "A=secret\0", "a NUL character for A"],
  ];

  test.each(faults)("has a problem with %s, and never tells what may be a secret", (_, line, got) => {
    expect(parseEnvFile(`# first\n${line}\nB=1`, "conf/.env")).toEqual({
      environment: { B: "1" },
      problems: [`conf/.env:2: expected NAME=value, got ${got}`],
    });
  });

  test("has all its problems reported, in their order", () => {
    expect(parseEnvFile("a\nb\n", ".env").problems).toEqual([
      ".env:1: expected NAME=value, got no =",
      ".env:2: expected NAME=value, got no =",
    ]);
  });

  test("says back what was quoted into it, whatever that was", () => {
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]*$/).filter((one) => !one.startsWith("ZCONTEXT_"));
    const odd = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: fc.constantFrom(..."'\"\\ $#=\nnar\t") }));
    const value = odd.filter((text) => !text.includes("\0"));
    const inDoubles = (text: string) => `"${text.replace(/["\\$]/g, "\\$&").replaceAll("\n", "\\n")}"`;
    const quoted = (text: string) => (/['\n]/.test(text) ? inDoubles(text) : `'${text}'`);

    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), fc.constantFrom("\n", "\r\n"), (entries, lineEnd) => {
        const text = entries.map(([one, other]) => `${one}=${quoted(other)}`).join(lineEnd);

        expect(environmentOf(text)).toEqual(Object.fromEntries(entries));
      }),
      { numRuns: 1_000 },
    );
  });

  test("is read however long its lines are", () => {
    const long = '\\"x'.repeat(300_000);

    expect(environmentOf(`A="${long}"\nB=${" ".repeat(300_000)}1`)).toEqual({ A: '"x'.repeat(300_000), B: "1" });
  });
});
