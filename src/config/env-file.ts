// A file of environment variables, as shells source them and others read them. Nothing is expanded, no value goes over
// the end of its line, and none is ever part of a problem: it may be a secret, and so may a line that is none of ours.
// Pure.
import type { TextRule } from "./xml/reader.ts";

/** What a file or a context may name a variable of a task; `ZCONTEXT_…` are those that zcontext sets itself. */
export const VARIABLE_NAME: TextRule = {
  expected: "a name of letters, digits and _ that begins with no digit, and not with ZCONTEXT_",
  accepts: (value) => /^(?!ZCONTEXT_)[A-Za-z_][A-Za-z0-9_]*$/.test(value),
};

export interface EnvFile {
  /** Where a name comes twice, what its last line says. */
  environment: Record<string, string>;
  /** Each as `name:line: expected NAME=value, got …`, in the order of the file. */
  problems: string[];
}

/**
 * Reads lines of `NAME=value` or `export NAME=value`; empty ones, and comments behind a `#`, are skipped. In `'…'`
 * everything is itself, in `"…"` everything but `\n`, `\"`, `\\` and `\$`.
 *
 * @param name - The file's name for messages; nothing is opened.
 */
export function parseEnvFile(text: string, name: string): EnvFile {
  const entries: [name: string, value: string][] = [];
  const problems: string[] = [];
  // Trimming takes a carriage return and a byte order mark as well.
  const lines = text.split("\n").map((line) => line.trim());
  for (const [index, line] of lines.entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const read = readLine(line);
    if ("value" in read) entries.push([read.name, read.value]);
    else problems.push(`${name}:${index + 1}: expected NAME=value, got ${read.fault}`);
  }
  // Unlike an assignment, this makes a variable even of `__proto__`.
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
