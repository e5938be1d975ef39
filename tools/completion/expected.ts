// Finds what may stand where the cursor is, from the definition of the program itself: a verb, an option, or a value of one
// kind or another. Pure.
import type { Argument, Command, Option } from "commander";

/** A word that fits, and what it means. */
export interface Candidate {
  value: string;
  description: string;
}

/** Values that only running providers and files know. */
export type Kind = "task" | "transaction" | "context" | "folder" | "file";

export interface Expected {
  /** What the program itself knows. */
  candidates: readonly Candidate[];
  kind?: Kind;
  /** What has been typed of the value. */
  partial: string;
  /** What stands before the value within the same word: `--task_id=`, or `ts001,`. */
  prefix: string;
  /** The context that has been named so far. */
  given: { context_file?: string; state_dir?: string };
}

/** By the name of an option or an argument. */
const KINDS: Readonly<Record<string, Kind>> = {
  task_id: "task",
  transaction: "transaction",
  context_file: "context",
  "context-file": "context",
  state_dir: "folder",
  services_root: "folder",
  history: "folder",
  against: "file",
  path: "file",
};
/** Options with several values, which commas separate. */
const LISTS = new Set(["task_id"]);
const WORDS: Readonly<Record<string, readonly string[]>> = {
  since: ["5m", "1h", "today", "yesterday"],
  until: ["1h", "today", "yesterday"],
  word: ["started", "updated", "failed", "stopped"],
};

/** A place on the way from the first word to the cursor. */
interface Place {
  command: Command;
  operands: number;
  /** The option whose value comes next. */
  awaits: Option | undefined;
  isAfterDashes: boolean;
  used: ReadonlySet<string>;
  given: Expected["given"];
}

/** @param words - After the name of the program, the last one up to the cursor. */
export function expectedAt(program: Command, words: readonly string[]): Expected {
  const partial = words.at(-1) ?? "";
  const start: Place = {
    ...{ command: program, operands: 0, awaits: undefined, isAfterDashes: false },
    ...{ used: new Set<string>(), given: {} },
  };
  // bash breaks words at an equals sign, and makes it a word of its own.
  const isBroken = partial === "=";
  const place = words
    .slice(0, -1)
    .filter((word) => word !== "=")
    .reduce(step, start);
  return at(place, isBroken ? "" : partial);
}

function step(place: Place, word: string): Place {
  const { command, operands, awaits, isAfterDashes, used } = place;
  if (awaits !== undefined && (awaits.required || !word.startsWith("-")))
    return { ...place, awaits: undefined, given: giving(place, awaits, word) };
  if (!isAfterDashes && word === "--") return { ...place, awaits: undefined, isAfterDashes: true };
  if (!isAfterDashes && word.startsWith("-")) {
    const [name = "", value] = splitAtEquals(word);
    const option = findOption(command, name);
    if (option === undefined) return { ...place, awaits: undefined };
    const after = { ...place, awaits: undefined, used: new Set([...used, option.attributeName()]) };
    if (value !== undefined) return { ...after, given: giving(place, option, value) };
    return takesValue(option) ? { ...after, awaits: option } : after;
  }
  const below = operands === 0 ? command.commands.find((each) => each.name() === word) : undefined;
  if (below !== undefined) return { ...place, command: below, awaits: undefined };
  const { given } = place;
  const isFile = command.registeredArguments[operands]?.name() === "context-file";
  return {
    ...place,
    awaits: undefined,
    operands: operands + 1,
    given: isFile ? { ...given, context_file: word } : given,
  };
}

function at({ command, operands, awaits, isAfterDashes, used, given }: Place, partial: string): Expected {
  if (awaits !== undefined && (awaits.required || !partial.startsWith("-")))
    return { ...valuesOf(awaits.attributeName(), awaits.argChoices, partial, ""), given };
  if (!isAfterDashes && partial.startsWith("-")) {
    const [name = "", value] = splitAtEquals(partial);
    const option = value === undefined ? undefined : findOption(command, name);
    if (option !== undefined && value !== undefined)
      return { ...valuesOf(option.attributeName(), option.argChoices, value, `${name}=`), given };
    return { candidates: fitting(optionsOf(command, used), partial), partial, prefix: "", given };
  }
  const argument = argumentAt(command, operands);
  const values = argument && valuesOf(argument.name(), argument.argChoices, partial, "");
  const verbs = operands === 0 ? command.createHelp().visibleCommands(command) : [];
  const candidates = verbs.map((verb) => ({ value: verb.name(), description: verb.description() }));
  return {
    ...{ partial, prefix: "", ...values },
    candidates: [...fitting(candidates, partial), ...(values?.candidates ?? [])],
    given,
  };
}

function valuesOf(
  name: string,
  choices: readonly string[] | undefined,
  written: string,
  before: string,
): Omit<Expected, "given"> {
  const listed = LISTS.has(name) ? written.slice(0, written.lastIndexOf(",") + 1) : "";
  const partial = written.slice(listed.length);
  const candidates = (choices ?? WORDS[name] ?? []).map((value) => ({ value, description: "" }));
  const kind = KINDS[name];
  return { candidates: fitting(candidates, partial), partial, prefix: before + listed, ...(kind && { kind }) };
}

/** The options of a command and of those above it that have not been given yet, unless they may be repeated. */
function optionsOf(command: Command, used: ReadonlySet<string>): Candidate[] {
  const own = command.createHelp().visibleOptions(command);
  return [...own, ...optionsAbove(command)].flatMap((option) => {
    const mayCome = !used.has(option.attributeName()) || /may be repeated/.test(option.description);
    return option.long != null && mayCome ? [{ value: option.long, description: option.description }] : [];
  });
}

function optionsAbove({ parent }: Command): Option[] {
  if (parent === null) return [];
  return [...parent.options.filter(({ long }) => long !== "--version"), ...optionsAbove(parent)];
}

function findOption(command: Command | null, name: string): Option | undefined {
  if (command === null) return undefined;
  const dashed = name.replaceAll("_", "-");
  return (
    command.options.find(({ long, short }) => long?.replaceAll("_", "-") === dashed || short === name) ??
    findOption(command.parent, name)
  );
}

function argumentAt({ registeredArguments }: Command, index: number): Argument | undefined {
  const last = registeredArguments.at(-1);
  return registeredArguments[index] ?? (last?.variadic ? last : undefined);
}

function giving({ given }: Place, option: Option, value: string): Expected["given"] {
  const name = option.attributeName();
  return name === "context_file" || name === "state_dir" ? { ...given, [name]: value } : given;
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function splitAtEquals(word: string): [name: string, value?: string] {
  const index = word.indexOf("=");
  return index === -1 || !word.startsWith("--") ? [word] : [word.slice(0, index), word.slice(index + 1)];
}

/** Those that begin with what has been typed; of options also where it has been typed with dashes. */
export function fitting(candidates: readonly Candidate[], partial: string): Candidate[] {
  const dashed = partial.replaceAll("_", "-");
  return candidates.flatMap((candidate) => {
    const { value } = candidate;
    if (value.startsWith(partial)) return [candidate];
    return value.startsWith("--") && value.replaceAll("_", "-").startsWith(dashed)
      ? [{ ...candidate, value: value.replaceAll("_", "-") }]
      : [];
  });
}
