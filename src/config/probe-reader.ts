// Reads the probes of a task, each one of several attributes of its <Supervision>: whether it is ready, and whether it is
// still alive. Pure.
import { reasonOf } from "../errors.ts";
import { compileLinePattern } from "../line-pattern.ts";
import { faultOfLength, splitWords } from "./command.ts";
import type { ProbeProgram, ProbeTarget } from "./model.ts";
import { quote } from "./xml/problems.ts";
import type { Reader, TextRule } from "./xml/reader.ts";

type ReadTarget<Target> = (supervision: Reader, attribute: string) => Target;
type LiveTarget = Exclude<ProbeTarget, { kind: "log" }>;

const READY: Record<string, ReadTarget<ProbeTarget>> = {
  ready_exec: readExec,
  ready_tcp: readTcp,
  ready_http: readHttp,
  ready_log: readLog,
};

const LIVE: Record<string, ReadTarget<LiveTarget>> = { live_exec: readExec, live_tcp: readTcp, live_http: readHttp };

export const TARGET_ATTRIBUTES = [...Object.keys(READY), ...Object.keys(LIVE)];

/** Reads the readiness probe of an element; undefined where it has none. */
export function readReadinessTarget(supervision: Reader): ProbeTarget | undefined {
  return readTarget(supervision, READY);
}

/** The same for its liveness probe. */
export function readLivenessTarget(supervision: Reader): LiveTarget | undefined {
  return readTarget(supervision, LIVE);
}

function readTarget<Target>(supervision: Reader, targets: Record<string, ReadTarget<Target>>): Target | undefined {
  const given = supervision.element.attributes.filter(({ name }) => Object.hasOwn(targets, name));
  const [first, second] = given;
  if (first !== undefined && second !== undefined) {
    const names = given.map(({ name }) => name).join(" and ");
    supervision.report(second.name, `expected one probe at most, got ${names}`, second.place);
  }
  return given.map(({ name }) => targets[name]?.(supervision, name))[0];
}

function readHttp(supervision: Reader, attribute: string): LiveTarget {
  return { kind: "http", url: supervision.text(attribute, URL_RULE) };
}

function readExec(supervision: Reader, attribute: string): LiveTarget {
  return { kind: "exec", ...readProgram(supervision, attribute) };
}

/** Reads a command: a program and its words. */
export function readProgram(supervision: Reader, attribute: string): ProbeProgram {
  const line = supervision.text(attribute, ANY_LINE);
  const { words, fault } = splitWords(line);
  const [program = "", ...others] = words;
  if (fault !== undefined) supervision.report(attribute, `expected ${fault}`);
  else if (program === "") {
    supervision.report(attribute, `expected a program and its arguments, such as test -e ready, got ${quote(line)}`);
  }
  for (const tooLong of words.flatMap((word) => faultOfLength(word) ?? []))
    supervision.report(attribute, `expected ${tooLong}`);
  return { program, words: others };
}

const ANY_LINE: TextRule = { expected: "a command", accepts: () => true };

const ADDRESS = /^(?:([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\]):)?([1-9]\d{0,4})$/;
const TCP: TextRule = {
  expected: "host:port, or a port of 127.0.0.1",
  accepts: (value) => Number(ADDRESS.exec(value)?.[2]) <= 65_535,
};

function readTcp(supervision: Reader, attribute: string): LiveTarget {
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
