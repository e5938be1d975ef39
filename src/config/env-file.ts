// Parses a file of environment variables in the syntax of shells. Nothing is expanded, and a value ends with its line.
// Problems quote neither values nor lines, which may be secrets. Pure.
import type { TextRule } from "./xml/reader.ts";

/** The names that a file or a context may give to variables; zcontext sets `ZCONTEXT_…` itself. */
export const VARIABLE_NAME: TextRule = {
  expected: "a name of letters, digits and _ that begins with no digit, and not with ZCONTEXT_",
  accepts: (value) => /^(?!ZCONTEXT_)[A-Za-z_][A-Za-z0-9_]*$/.test(value),
};

export interface EnvFile {
  /** Of a name that comes twice, the last value. */
  environment: Record<string, string>;
  /** Each as `name:line: expected NAME=value, got …`, in the order of the file. */
  problems: string[];
}

/**
 * Reads lines of `NAME=value` or `export NAME=value`; empty lines, and comments behind a `#`, are skipped. In `'…'` every
 * character is literal, in `"…"` all but the escapes `\n`, `\"`, `\\` and `\$`.
 *
 * @param name - The name of the file for messages; no file is opened.
 */
export function parseEnvFile(text: string, name: string): EnvFile {
  const entries: [name: string, value: string][] = [];
  const problems: string[] = [];
  // trim() also removes carriage returns and a byte order mark.
  const lines = text.split("\n").map((line) => line.trim());
  for (const [index, line] of lines.entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const read = readLine(line);
    if ("value" in read) entries.push([read.name, read.value]);
    else problems.push(`${name}:${index + 1}: expected NAME=value, got ${read.fault}`);
  }
  // Unlike an assignment, this makes even `__proto__` a variable.
  return { environment: Object.fromEntries(entries), problems };
}

type Fault = { fault: string };

function readLine(line: string): { name: string; value: string } | Fault {
  const [, name = "", rest = ""] = /^(?:export[ \t]+)?([^=]*)=(.*)$/s.exec(line) ?? [];
  if (!line.includes("=")) return { fault: "no =" };
  if (name.startsWith("ZCONTEXT_")) return { fault: "a name that begins with ZCONTEXT_; those are zcontext's own" };
  if (!VARIABLE_NAME.accepts(name)) return { fault: "something else before the =" };
  const read = readValue(rest);
  if ("fault" in read) return { fault: `${read.fault} for ${name}` };
  return read.value.includes("\0") ? { fault: `a NUL character for ${name}` } : { name, value: read.value };
}

function readValue(rest: string): { value: string } | Fault {
  const start = rest.trimStart();
  if (start.startsWith("'")) return readQuoted(/^'([^']*)'(.*)$/s.exec(start), (inside) => inside);
  if (start.startsWith('"')) return readQuoted(/^"([^"\\]*(?:\\.[^"\\]*)*)"(.*)$/s.exec(start), unquoteEscaped);
  const comment = rest.search(/\s#/);
  return { value: (comment < 0 ? rest : rest.slice(0, comment)).trim() };
}

function readQuoted(found: RegExpExecArray | null, read: (inside: string) => string): { value: string } | Fault {
  if (found === null) return { fault: "a quote that is not closed" };
  const [, inside = "", behind = ""] = found;
  return /^\s*$|^\s+#/.test(behind) ? { value: read(inside) } : { fault: "text behind the closing quote" };
}

function unquoteEscaped(inside: string): string {
  return inside.replace(/\\([n"\\$])/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
}
