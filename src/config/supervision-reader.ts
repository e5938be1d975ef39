// Reads how tasks are supervised: the <Supervision> of a task over that of the Context, over the defaults. XML can't hold a
// NUL character, so the values need no check for it. Pure.
import { posix } from "node:path";
import { faultOfLength } from "./command.ts";
import { VARIABLE_NAME } from "./env-file.ts";
import {
  LIMIT_POLICIES,
  type LivenessTiming,
  type ProbeTiming,
  RESTART_POLICIES,
  type ServiceType,
  STDIN_KINDS,
  STOP_SIGNALS,
  STRATEGIES,
  type Strategy,
  type Supervision,
} from "./model.ts";
import { readLivenessTarget, readProgram, readReadinessTarget, TARGET_ATTRIBUTES } from "./probe-reader.ts";
import { faultOfCron, isZone, type Schedule } from "./schedule.ts";
import { calledBy, type Names, unknownCalls } from "./trigger-reader.ts";
import { type Attribute, childAt } from "./xml/element.ts";
import { readPositive, readSeconds, readSecondsOrNone, readWhole } from "./xml/number-rules.ts";
import { quote } from "./xml/problems.ts";
import { ANY_TEXT, NOT_EMPTY, Reader, type TextRule } from "./xml/reader.ts";

/** Applies where the file sets nothing, and to tasks that come by message. */
export const DEFAULT_SUPERVISION: Supervision = {
  restart: "never",
  maxRestarts: 5,
  periodMs: 60_000,
  backoffMinMs: 500,
  backoffMaxMs: 30_000,
  onLimit: "fail",
  successCodes: [0],
  noRestartCodes: [],
  readyTimeoutMs: 30_000,
  heartbeatMs: 1_000,
  heartbeatTimeoutMs: 5_000,
  graceMs: 10_000,
  stopSignal: "SIGTERM",
  rolling: false,
  minHealthyMs: 10_000,
  essential: false,
  dependsOn: [],
  nice: 0,
  stdin: "empty",
  envFiles: [],
  envRoots: [],
  environment: {},
};

/** What a task's <Supervision> is read over: a supervision, and the timing of probes that the task may name. */
export interface Basis {
  supervision: Supervision;
  timing: ProbeTiming;
  liveTiming: LivenessTiming;
}

export const DEFAULT_BASIS: Basis = {
  supervision: DEFAULT_SUPERVISION,
  timing: { intervalMs: 1_000, timeoutMs: 5_000 },
  liveTiming: { intervalMs: 10_000, timeoutMs: 5_000, failures: 3 },
};

type Read<Part> = (supervision: Reader, attribute: string) => Partial<Part>;

/** Attributes of a task's <Supervision> and of the Context's. */
const SHARED: Record<string, Read<Supervision>> = {
  restart: (own, name) => ({ restart: own.oneOf(name, RESTART_POLICIES) }),
  max_restarts: (own, name) => ({ maxRestarts: readWhole(own, name, { min: 0, max: 1_000 }) }),
  period_s: (own, name) => ({ periodMs: readSeconds(own, name, { min: 1, max: 86_400 }) }),
  backoff_min_s: (own, name) => ({ backoffMinMs: readSeconds(own, name, { min: 0.01, max: 3_600 }) }),
  backoff_max_s: (own, name) => ({ backoffMaxMs: readSeconds(own, name, { min: 0.01, max: 3_600 }) }),
  on_limit: (own, name) => ({ onLimit: own.oneOf(name, LIMIT_POLICIES) }),
  success_codes: (own, name) => ({ successCodes: readCodes(own, name) }),
  no_restart_codes: (own, name) => ({ noRestartCodes: readCodes(own, name) }),
  ready_timeout_s: (own, name) => ({ readyTimeoutMs: readSeconds(own, name, { min: 0.1, max: 86_400 }) }),
  heartbeat_s: (own, name) => ({ heartbeatMs: readSecondsOrNone(own, name, { min: 0.1, max: 3_600 }) }),
  heartbeat_timeout_s: (own, name) => ({ heartbeatTimeoutMs: readSeconds(own, name, { min: 0.1, max: 86_400 }) }),
  grace_s: (own, name) => ({ graceMs: readSeconds(own, name, { min: 0, max: 3_600 }) }),
  stop_signal: (own, name) => ({ stopSignal: own.oneOf(name, STOP_SIGNALS) }),
  rolling: (own, name) => ({ rolling: isTrue(own, name) }),
  min_healthy_s: (own, name) => ({ minHealthyMs: readSecondsOrNone(own, name, { min: 0.1, max: 3_600 }) }),
  stop_exec: (own, name) => ({ stopCommand: readProgram(own, name) }),
  stop_exec_timeout_s: (own, name) => ({ stopCommandMs: readSeconds(own, name, { min: 0.1, max: 3_600 }) }),
  user: (own, name) => ({ user: own.text(name, ACCOUNT) }),
  group: (own, name) => ({ group: own.text(name, ACCOUNT) }),
  nice: (own, name) => ({ nice: readWhole(own, name, { min: -20, max: 19 }) }),
  memory_max_mib: (own, name) => ({ memoryMaxMib: readPositive(own, name, 1_000_000_000) }),
  files_max: (own, name) => ({ filesMax: readWhole(own, name, { min: 16, max: 1_000_000_000 }) }),
  working_folder: (own, name) => ({ workingFolder: own.text(name, NOT_EMPTY) }),
  stdin: (own, name) => ({ stdin: own.oneOf(name, STDIN_KINDS) }),
  env_file: (own, name) => ({ envFiles: readPaths(own, name) }),
  env_roots: (own, name) => ({ envRoots: readPaths(own, name) }),
};

const TIMING: Record<string, Read<ProbeTiming>> = {
  ready_interval_s: (own, name) => ({ intervalMs: readSeconds(own, name, { min: 0.1, max: 3_600 }) }),
  ready_probe_timeout_s: (own, name) => ({ timeoutMs: readSeconds(own, name, { min: 0.1, max: 3_600 }) }),
};

const LIVE_TIMING: Record<string, Read<LivenessTiming>> = {
  live_interval_s: (own, name) => ({ intervalMs: readSeconds(own, name, { min: 0.1, max: 3_600 }) }),
  live_probe_timeout_s: (own, name) => ({ timeoutMs: readSeconds(own, name, { min: 0.1, max: 3_600 }) }),
  live_failures: (own, name) => ({ failures: readWhole(own, name, { min: 1, max: 1_000 }) }),
};

/** The attributes of every `<Supervision>`, and those that only a task's or only the Context's has. */
export const SHARED_ATTRIBUTES = [
  ...Object.keys(SHARED),
  ...TARGET_ATTRIBUTES,
  ...Object.keys(TIMING),
  ...Object.keys(LIVE_TIMING),
];
export const TASK_ATTRIBUTES = ["essential", "depends_on", "schedule", "schedule_zone", "catch_up"];
export const CONTEXT_ATTRIBUTES = ["strategy"];

/** Reads the `<Supervision>` of a Context, which those of its tasks are read over. */
export function readContextSupervision(root: Reader): Basis & { strategy: Strategy } {
  const own = supervisionOf(root, "Supervision");
  if (own === undefined) return { ...DEFAULT_BASIS, strategy: STRATEGIES[0] };
  const strategy = attributeOf(own, "strategy") ? own.oneOf("strategy", STRATEGIES) : STRATEGIES[0];
  return { ...readOver(DEFAULT_BASIS, own), strategy };
}

/** Reads the `<Supervision>` of a task. */
export function readTaskSupervision(
  service: Reader,
  basis: Basis,
  { serviceType, ...names }: TaskNames & { serviceType: ServiceType },
): Supervision {
  const own = supervisionOf(service);
  const isShared = serviceType === "Thread";
  if (own === undefined) return isShared ? withoutProcess(basis.supervision) : basis.supervision;
  if (isShared) reportProcessAttributes(own);
  const { supervision } = readOver(basis, own);
  const schedule = readSchedule(own, supervision);
  return {
    ...(isShared ? withoutProcess(supervision) : supervision),
    essential: isTrue(own, "essential"),
    dependsOn: readDependencies(own, names),
    ...(schedule && { schedule }),
  };
}

/** Attributes that concern a process. */
const PROCESS_ATTRIBUTES = [
  "stop_signal",
  "stop_exec",
  "stop_exec_timeout_s",
  "user",
  "group",
  "nice",
  "memory_max_mib",
  "files_max",
  "working_folder",
  "stdin",
  "env_file",
  "env_roots",
];

/** The supervision of a task that shares its process with others: what concerns a process does not apply to it. */
export function withoutProcess({
  filesMax: _,
  memoryMaxMib: __,
  workingFolder: ___,
  user: ____,
  group: _____,
  stopCommand: ______,
  stopCommandMs: _______,
  ...rest
}: Supervision): Supervision {
  const { stopSignal, nice, stdin, envFiles, envRoots, environment } = DEFAULT_SUPERVISION;
  return { ...rest, stopSignal, nice, stdin, envFiles, envRoots, environment };
}

function reportProcessAttributes(own: Reader): void {
  const given = PROCESS_ATTRIBUTES.flatMap((attribute) => attributeOf(own, attribute) ?? []);
  const variable = childAt(own.element, "environment");
  for (const { name, place } of [...given, ...(variable === undefined ? [] : [variable])])
    own.report(name, 'a task of the serviceType "Thread" shares its process with others; use "Process"', place);
}

/** The names that a task's <Supervision> may use, and the task's own id. */
export interface TaskNames extends Names {
  id: string;
  /** Of the tasks that the TaskService stands for. */
  ownIds: readonly string[];
}

function readOver({ supervision, timing, liveTiming }: Basis, own: Reader): Basis {
  const timingNow = { ...timing, ...readGiven(own, TIMING) };
  const liveTimingNow = { ...liveTiming, ...readGiven(own, LIVE_TIMING) };
  const target = readReadinessTarget(own) ?? supervision.probe;
  const liveTarget = readLivenessTarget(own) ?? supervision.liveness;
  const now: Supervision = {
    ...supervision,
    ...readGiven(own, SHARED),
    ...(target === undefined ? {} : { probe: { ...target, ...timingNow } }),
    ...(liveTarget === undefined ? {} : { liveness: { ...liveTarget, ...liveTimingNow } }),
    environment: { ...supervision.environment, ...readEnvironment(own) },
  };
  checkTimes(own, now);
  checkEnvFiles(own, now);
  return { supervision: now, timing: timingNow, liveTiming: liveTimingNow };
}

function supervisionOf(parent: Reader, owner?: string): Reader | undefined {
  const element = childAt(parent.element, "Supervision");
  if (element === undefined) return undefined;
  return owner === undefined ? parent.at(element) : new Reader(element, parent.reading, owner);
}

// An element in place of the attribute is reported by the grammar.
function attributeOf({ element }: Reader, attribute: string): Attribute | undefined {
  return element.attributes.find(({ name }) => name === attribute);
}

/** False where it is absent. */
function isTrue(own: Reader, attribute: string): boolean {
  return attributeOf(own, attribute) !== undefined && own.oneOf(attribute, ["true", "false"]) === "true";
}

function readGiven<Part>(own: Reader, readers: Record<string, Read<Part>>): Partial<Part> {
  const given = Object.entries(readers).filter(([attribute]) => attributeOf(own, attribute) !== undefined);
  return Object.assign({}, ...given.map(([attribute, read]) => read(own, attribute)));
}

function readSchedule(own: Reader, { restart }: Supervision): Schedule | undefined {
  if (attributeOf(own, "schedule") === undefined) {
    for (const name of ["schedule_zone", "catch_up"])
      if (attributeOf(own, name) !== undefined) own.report(name, "expected a schedule beside it, got none");
    return undefined;
  }
  const cron = own.text("schedule", ANY_TEXT).trim();
  const fault = faultOfCron(cron);
  if (fault !== undefined)
    own.report("schedule", `expected a cron expression such as "0 3 * * *", got ${quote(cron)}: ${fault}`);
  if (restart === "always")
    own.report(
      "schedule",
      'expected restart="never" or "on-failure" with it: a task that is always restarted waits for no time',
    );
  const zone = attributeOf(own, "schedule_zone") && own.text("schedule_zone", ZONE);
  const catchUp = isTrue(own, "catch_up");
  return { cron, catchUp, ...(zone !== undefined && { zone }) };
}

const ZONE: TextRule = { expected: "a time zone such as Europe/Berlin or UTC", accepts: isZone };

/** An empty list is valid: it overrides the Context's. */
function readCodes(own: Reader, attribute: string): number[] {
  const isCode = (word: string) => /^\d{1,3}$/.test(word) && Number(word) <= 255;
  const wordsOf = (value: string) => value.split(/[ \t\r\n,]+/).filter((word) => word !== "");
  const codes = own.text(attribute, {
    expected: "exit codes from 0 to 255",
    accepts: (value) => wordsOf(value).every(isCode),
  });
  return [...new Set(wordsOf(codes).map(Number))];
}

function readPaths(own: Reader, attribute: string): string[] {
  return own
    .text(attribute, ANY_TEXT)
    .split(",")
    .map((path) => path.trim())
    .filter((path) => path !== "");
}

// Where further folders are named, only the file system can tell what lies in them.
function checkEnvFiles(own: Reader, { envFiles, envRoots }: Supervision): void {
  if (attributeOf(own, "env_file") === undefined || envRoots.length > 0) return;
  for (const path of envFiles.filter((one) => !isInside(one)))
    own.report("env_file", `${quote(path)} must lie under the folder of this file, or under one that env_roots names`);
}

const ACCOUNT: TextRule = {
  expected: "a name such as www-data, or a number",
  accepts: (value) => /^(?:[A-Za-z_][A-Za-z0-9_.-]{0,63}\$?|\d{1,10})$/.test(value),
};

function isInside(path: string): boolean {
  const folders = posix.normalize(path).split("/");
  return !posix.isAbsolute(path) && folders[0] !== ".." && folders[0] !== ".";
}

function readDependencies(own: Reader, { id, ownIds, ...names }: TaskNames): string[] {
  const needed = calledBy(attributeOf(own, "depends_on")?.value ?? "");
  // Triggers may call groups, but a task can't depend on one.
  const groups = needed.filter((word) => word === "all" || word === names.contextId);
  for (const word of groups) own.report("depends_on", `expected task ids, got ${quote(word)}`);
  for (const word of needed.filter((one) => one === id || ownIds.includes(one)))
    own.report("depends_on", `expected other tasks, got ${quote(word)} itself`);
  for (const problem of unknownCalls(needed, names)) own.report("depends_on", problem);
  return needed;
}

function readEnvironment(own: Reader): Record<string, string> {
  const taken = new Set<string>();
  const variables = own.element.children
    .filter(({ name }) => name === "environment")
    .map((element): [name: string, value: string] => {
      const name = own.at(element).text("name", VARIABLE_NAME, ["environment", "name"]);
      if (taken.has(name))
        own.report(["environment", "name"], `expected each once, got ${quote(name)} again`, element.place);
      if (name !== "") taken.add(name);
      const value = element.verbatim ?? element.text;
      const fault = faultOfLength(`${name}=${value}`);
      if (fault !== undefined) own.report(["environment", name], `expected ${fault}`, element.place);
      return [name, value];
    });
  // Unlike an assignment, this makes even `__proto__` a variable.
  return Object.fromEntries(variables);
}

function checkTimes(own: Reader, now: Supervision): void {
  if (now.backoffMaxMs < now.backoffMinMs) {
    const times = { upperMs: now.backoffMaxMs, lowerMs: now.backoffMinMs };
    reportOrder(own, "at least", { upper: "backoff_max_s", lower: "backoff_min_s", ...times });
  }
  if (now.heartbeatMs > 0 && now.heartbeatTimeoutMs <= now.heartbeatMs) {
    const times = { upperMs: now.heartbeatTimeoutMs, lowerMs: now.heartbeatMs };
    reportOrder(own, "more than", { upper: "heartbeat_timeout_s", lower: "heartbeat_s", ...times });
  }
}

interface Order {
  upper: string;
  lower: string;
  upperMs: number;
  lowerMs: number;
}

// Where this element has neither attribute, the problem has been reported for the Context's.
function reportOrder(own: Reader, relation: string, { upper, lower, upperMs, lowerMs }: Order): void {
  const place = (attributeOf(own, upper) ?? attributeOf(own, lower))?.place;
  if (place === undefined) return;
  const byDefault = (attribute: string) => (attributeOf(own, attribute) === undefined ? " by default" : "");
  const bound = `${relation} ${lower}, which is ${lowerMs / 1_000}${byDefault(lower)}`;
  own.report(upper, `expected ${bound}, got ${upperMs / 1_000}${byDefault(upper)}`, place);
}
