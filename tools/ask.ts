// Asks on the terminal for what a description lacks. Questions go to stderr: stdout is for the answer.
import { cancel, intro, isCancel, outro, text } from "@clack/prompts";
import { type ExistingContext, problemWith } from "../src/config/service-list.ts";
import { ContextError } from "../src/errors.ts";
import { findContext } from "../src/generator/scaffold.ts";

type Description = { [name: string]: string };

/** Whether somebody is there to answer. */
export function mayAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** What is asked, and what is suggested, by option: from what is known, and from the context that is there already. */
const QUESTIONS: {
  [option: string]: { question: string; suggest(known: Description, there?: ExistingContext): string };
} = {
  task_service: { question: "What is the service called?", suggest: () => "Greeter" },
  task_desc: { question: "What does it do?", suggest: ({ task_service }) => `The service ${task_service}` },
  service_name: {
    question: "What is its name in messages?",
    suggest: ({ task_service = "" }) => snakeCase(task_service),
  },
  device_action: {
    question: "What does it repeat in all that it announces?",
    suggest: ({ service_name = "" }) => service_name,
  },
  service_path: { question: "Where is the project?", suggest: () => "." },
  context_name: { question: "Which context runs it?", suggest: ({ task_service = "" }) => task_service },
  task_id: { question: "What is its id in that context?", suggest: (_, there) => freeId(there) },
  server_ip: {
    question: "On which host is the context?",
    suggest: (_, there) => partsOf(there?.endpoints.publish).host ?? "127.0.0.1",
  },
  sub_port: {
    question: "At which port do listeners connect? * is any.",
    suggest: (_, there) => partsOf(there?.endpoints.subscribe).port ?? "*",
  },
  pub_port: {
    question: "At which port do senders connect? * is any.",
    suggest: (_, there) => partsOf(there?.endpoints.publish).port ?? "*",
  },
};

/** `ts001`, or the first number after it that no task of the context has. */
function freeId(there: ExistingContext | undefined): string {
  const taken = new Set(there?.tasks.map(({ id }) => id));
  for (let number = 1; ; number += 1) {
    const id = `ts${String(number).padStart(3, "0")}`;
    if (!taken.has(id)) return id;
  }
}

function partsOf(endpoint = ""): { host?: string | undefined; port?: string | undefined } {
  const [, host, port] = /^tcp:\/\/(.+):(\*|\d+)$/.exec(endpoint) ?? [];
  return { host, port };
}

/** The context that the answers so far name; a file that can't be read will be spoken of when all is known. */
function contextOf({ service_path, home_path = service_path, context_name }: Description): ExistingContext | undefined {
  if (service_path === undefined || home_path === undefined || context_name === undefined) return undefined;
  const whereabouts = { servicePath: service_path, homePath: home_path, contextName: context_name };
  try {
    return findContext(whereabouts, process.cwd()).existing;
  } catch {
    return undefined;
  }
}

/**
 * Asks for options that are missing; an empty answer takes what is suggested.
 *
 * @throws {ContextError} `ERR_USAGE` when the questions are broken off, or before the first one when what was given
 *   has problems.
 */
export async function askFor(missing: readonly string[], given: Description): Promise<Description> {
  refuseProblems(given);
  intro("create-service", { output: process.stderr });
  const known = { ...given };
  // Ctrl-D closes the input and leaves the question open: there is nothing more to do, and we would just end.
  const brokenOff = new AbortController();
  const breakOff = () => brokenOff.abort();
  process.once("beforeExit", breakOff);
  for (const option of missing) known[option] = await ask(option, known, brokenOff.signal);
  process.off("beforeExit", breakOff);
  outro("", { output: process.stderr });
  return known;
}

/** Nobody should answer all questions only to hear that the command line was wrong. */
function refuseProblems(given: Description): void {
  const details = Object.entries(given).flatMap(([option, value]) => {
    const problem = problemWith(option, value);
    return problem === undefined ? [] : [`--${option}: ${problem}`];
  });
  if (details.length === 0) return;
  throw new ContextError("ERR_USAGE", "what was given has problems; nothing was written", { details });
}

async function ask(option: string, known: Description, signal: AbortSignal): Promise<string> {
  const { question = option, suggest } = QUESTIONS[option] ?? {};
  const suggestion = suggest?.(known, contextOf(known)) ?? "";
  const said = await text({
    message: `${question} (--${option})`,
    placeholder: suggestion,
    defaultValue: suggestion,
    validate: (value) => problemWith(option, value || suggestion),
    output: process.stderr,
    signal,
  });
  if (!isCancel(said)) return said;
  cancel("Broken off.", { output: process.stderr });
  throw new ContextError("ERR_USAGE", "the questions were broken off; nothing was written");
}

function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toLowerCase();
}
