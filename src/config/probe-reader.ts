// Reads the readiness probe of a task: one of four attributes of its <Supervision>. Pure.
import { reasonOf } from "../errors.ts";
import { compileLinePattern } from "../line-pattern.ts";
import { faultOfLength, splitWords } from "./command.ts";
import type { ProbeTarget } from "./model.ts";
import { quote } from "./xml/problems.ts";
import type { Reader, TextRule } from "./xml/reader.ts";

type ReadTarget = (supervision: Reader, attribute: string) => ProbeTarget;

const TARGETS: Record<string, ReadTarget> = {
  ready_exec: readExec,
  ready_tcp: readTcp,
  ready_http: (supervision, attribute) => ({ kind: "http", url: supervision.text(attribute, URL_RULE) }),
  ready_log: readLog,
};

export const TARGET_ATTRIBUTES = Object.keys(TARGETS);

/** Reads the probe of an element; undefined where it has none. */
export function readProbeTarget(supervision: Reader): ProbeTarget | undefined {
  const given = supervision.element.attributes.filter(({ name }) => TARGET_ATTRIBUTES.includes(name));
  const [first, second] = given;
  if (first !== undefined && second !== undefined) {
    const names = given.map(({ name }) => name).join(" and ");
    supervision.report(second.name, `expected one probe at most, got ${names}`, second.place);
  }
  return given.map(({ name }) => TARGETS[name]?.(supervision, name))[0];
}

function readExec(supervision: Reader, attribute: string): ProbeTarget {
  const line = supervision.text(attribute, ANY_LINE);
  const { words, fault } = splitWords(line);
  const [program = "", ...others] = words;
  if (fault !== undefined) supervision.report(attribute, `expected ${fault}`);
  else if (program === "") {
    supervision.report(attribute, `expected a program and its arguments, such as test -e ready, got ${quote(line)}`);
  }
  for (const tooLong of words.flatMap((word) => faultOfLength(word) ?? []))
    supervision.report(attribute, `expected ${tooLong}`);
  return { kind: "exec", program, words: others };
}

const ANY_LINE: TextRule = { expected: "a command", accepts: () => true };

const ADDRESS = /^(?:([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\]):)?([1-9]\d{0,4})$/;
const TCP: TextRule = {
  expected: "host:port, or a port of 127.0.0.1",
  accepts: (value) => Number(ADDRESS.exec(value)?.[2]) <= 65_535,
};

function readTcp(supervision: Reader, attribute: string): ProbeTarget {
  const [, host = "127.0.0.1", port] = ADDRESS.exec(supervision.text(attribute, TCP)) ?? [];
  // Brackets separate an IPv6 address from the port, and are not part of the address.
  return { kind: "tcp", host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

const URL_RULE: TextRule = {
  expected: "a URL such as http://127.0.0.1:8080/health",
  accepts: (value) => /^https?:\/\/\S+$/i.test(value) && URL.canParse(value),
};

function readLog(supervision: Reader, attribute: string): ProbeTarget {
  const pattern = supervision.text(attribute, PATTERN);
  const fault = faultOf(pattern);
  if (fault !== undefined) {
    supervision.report(attribute, `expected a regular expression, got ${quote(pattern)}: ${fault}`);
  }
  return { kind: "log", pattern };
}

const PATTERN: TextRule = { expected: "a regular expression", accepts: (value) => value.trim() !== "" };

function faultOf(pattern: string): string | undefined {
  try {
    compileLinePattern(pattern);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}
