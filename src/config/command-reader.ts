// Reads what an Executable runs: <command>, <argument> and <ready_after_s>, which no other service type may have. Pure.
import { faultOfLength, quoteWord, splitWords } from "./command.ts";
import { type Command, SERVICE_TYPES } from "./model.ts";
import { childAt, type Element, textAt } from "./xml/element.ts";
import { quote } from "./xml/problems.ts";
import type { Reader, TextRule } from "./xml/reader.ts";

const PARTS = ["command", "argument", "ready_after_s"];
const DEFAULT_READY_AFTER_S = 1;

const READY_AFTER: TextRule = {
  expected: "a number of seconds from 0 to 86400",
  optional: true,
  accepts: (value) => /^\d+(\.\d+)?$/.test(value) && Number(value) <= 86_400,
};

/** Reads the command of a TaskService; undefined where its type has none. */
export function readCommand(service: Reader): Command | undefined {
  const type = textAt(service.element, "serviceType")?.value;
  if (type === "Executable") return readExecutable(service);
  // An unknown type is reported by the reader of the task.
  if (SERVICE_TYPES.some((known) => known === type)) refuseParts(service, type as string);
  return undefined;
}

function refuseParts(service: Reader, type: string): void {
  const { element } = service;
  for (const part of PARTS) {
    const place = (childAt(element, part) ?? element.attributes.find(({ name }) => name === part))?.place;
    if (place === undefined) continue;
    service.report(part, `expected with serviceType="Executable" only, got it with ${quote(type)}`, place);
  }
}

/** Reads a command, whatever the service type. */
export function readExecutable(service: Reader): Command {
  const [program = "", ...words] = readLine(service);
  return {
    program,
    words: [...words, ...readArguments(service)],
    readyAfterMs: Math.round(Number(service.text("ready_after_s", READY_AFTER) || DEFAULT_READY_AFTER_S) * 1_000),
  };
}

function readLine(service: Reader): string[] {
  const element = childAt(service.element, "command");
  const line = element === undefined ? "" : asWritten(element);
  const { words, fault } = splitWords(line);
  if (fault !== undefined) service.report("command", `expected ${fault}`);
  else if (words[0] === undefined || words[0] === "") {
    const got = element === undefined ? "nothing" : quote(line);
    service.report("command", `expected a program and its arguments, such as python3 program.py, got ${got}`);
  }
  refuseNul(service, "command", element);
  for (const word of words) refuseLength(service, "command", word, element);
  return words;
}

function readArguments(service: Reader): string[] {
  return service.element.children
    .filter(({ name }) => name === "argument")
    .map((element) => {
      refuseNul(service, "argument", element);
      refuseLength(service, "argument", asWritten(element), element);
      return asWritten(element);
    });
}

// For the operating system a NUL character ends the word.
function refuseNul(service: Reader, part: string, element: Element | undefined): void {
  if (element === undefined || !asWritten(element).includes("\0")) return;
  service.report(part, `expected no NUL character, got ${quote(asWritten(element))}`, element.place);
}

function refuseLength(service: Reader, part: string, word: string, element: Element | undefined): void {
  const fault = faultOfLength(word);
  if (fault !== undefined) service.report(part, `expected ${fault} (${quote(word)})`, element?.place);
}

function asWritten({ verbatim, text }: Element): string {
  return verbatim ?? text;
}

/** A command in a message. */
export interface CommandBody {
  command: string;
  argument: string[];
  ready_after_s: string;
}

/** The opposite of `readCommand`. */
export function formatCommand({ program, words, readyAfterMs }: Command): CommandBody {
  return { command: quoteWord(program), argument: words, ready_after_s: String(readyAfterMs / 1_000) };
}
