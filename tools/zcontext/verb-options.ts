// Options that several verbs of `zcontext` have.
import { type Command, InvalidArgumentError } from "commander";

/** The context that a verb is for. */
export function forContext(verb: Command): Command {
  return verb.option(
    "-f, --context_file <file>",
    "the context file; without it, the only context that runs on this machine",
  );
}

/** What is kept of a context, which needs no provider. */
export function forKept(verb: Command): Command {
  return forContext(verb)
    .option("--state_dir <dir>", "the folder that --state-dir of its provider names; with or without the file")
    .option("--transaction <id>", "what belongs to this transaction")
    .option("--json", "one JSON object a line");
}

/** For an option with names that commas separate, and that may be repeated. */
export function collect(text: string, before: readonly string[] = []): string[] {
  const ids = text.split(",").map((id) => id.trim());
  return [...before, ...ids.filter((id) => id !== "")];
}

/** For an option that bounds what is printed. */
export function readCount(text: string): number {
  if (text === "all") return Number.POSITIVE_INFINITY;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number, or all.");
}
