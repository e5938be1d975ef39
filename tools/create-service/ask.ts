// Asks on the terminal for what a description lacks. Questions go to stderr: stdout is for the answer.
import { cancel, intro, isCancel, outro, text } from "@clack/prompts";
import { type ExistingContext, type Language, problemWith } from "../../src/config/service-list/service-list.ts";
import { ZcontextError } from "../../src/errors.ts";
import { freeId } from "../../src/generator/existing-service.ts";
import { contextsOf } from "../../src/generator/project.ts";
import { findContext } from "../../src/generator/scaffold.ts";
import type { Description, RequiredOption } from "./description.ts";

/** What is asked, and what is suggested, by option: from what is known, and from the context that is there already. */
const QUESTIONS: {
  [option in RequiredOption]: { question: string; suggest(known: Description, there?: ExistingContext): string };
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
  context_name: {
    question: "Which context runs it?",
    suggest: (known) => onlyContextOf(known) ?? known.task_service ?? "",
  },
  task_id: { question: "What is its id in that context?", suggest: (_, there) => freeId(there?.tasks ?? []) },
  server_ip: { question: "On which host is the context?", suggest: () => "127.0.0.1" },
  sub_port: { question: "At which port do listeners connect? * is any.", suggest: () => "*" },
  pub_port: { question: "At which port do senders connect? * is any.", suggest: () => "*" },
};

/** What a context that is there has settled: host and ports. */
function settledBy(there: ExistingContext | undefined): Description {
  const [, host, publish] = /^tcp:\/\/(.+):(\*|\d+)$/.exec(there?.endpoints.publish ?? "") ?? [];
  const [, , subscribe] = /^tcp:\/\/(.+):(\*|\d+)$/.exec(there?.endpoints.subscribe ?? "") ?? [];
  if (host === undefined || publish === undefined || subscribe === undefined) return {};
  return { server_ip: host, pub_port: publish, sub_port: subscribe };
}

/** The name of the project's context, where it has one alone. */
function onlyContextOf({ service_path, home_path = service_path }: Description): string | undefined {
  if (service_path === undefined || home_path === undefined) return undefined;
  const names = contextsOf({ servicePath: service_path, homePath: home_path }, process.cwd());
  return names.length === 1 ? names[0] : undefined;
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
 * @param language - Of the code to be: it decides which names are free.
 * @throws {ZcontextError} `ERR_USAGE` when the questions are broken off, or before the first one when what was given
 *   has problems.
 */
export async function askFor(
  missing: readonly RequiredOption[],
  given: Description,
  language: Language | undefined,
): Promise<Description> {
  const problemsIn = (options: Description) =>
    Object.keys(options).flatMap((option) => problemWith(option, options, language) ?? []);
  refuse(problemsIn(given));
  intro("create-service", { output: process.stderr });
  const known = { ...given };
  // Ctrl-D closes the input and leaves the question open: there is nothing more to do, and we would just end.
  const brokenOff = new AbortController();
  const breakOff = () => brokenOff.abort();
  process.once("beforeExit", breakOff);
  for (const option of missing) {
    const there = contextOf(known);
    const settled = settledBy(there)[option];
    if (settled !== undefined) {
      known[option] = settled;
      continue;
    }
    const suggestion = QUESTIONS[option].suggest(known, there);
    // What was known has no problems: one beside it comes from the answer, whichever option it is about.
    const validate = (value = "") => problemsIn({ ...known, [option]: value || suggestion })[0];
    known[option] = await ask(option, { suggestion, validate, signal: brokenOff.signal });
  }
  process.off("beforeExit", breakOff);
  outro("", { output: process.stderr });
  return known;
}

/** Nobody should answer all questions only to hear that the command line was wrong. */
function refuse(details: readonly string[]): void {
  if (details.length === 0) return;
  throw new ZcontextError("ERR_USAGE", "what was given has problems; nothing was written", { details });
}

interface Asking {
  suggestion: string;
  /** What is wrong with an answer. */
  validate(value?: string): string | undefined;
  signal: AbortSignal;
}

async function ask(option: RequiredOption, { suggestion, validate, signal }: Asking): Promise<string> {
  const said = await text({
    message: `${QUESTIONS[option].question} (--${option})`,
    placeholder: suggestion,
    defaultValue: suggestion,
    validate,
    output: process.stderr,
    signal,
  });
  if (!isCancel(said)) return said;
  cancel("Broken off.", { output: process.stderr });
  throw new ZcontextError("ERR_USAGE", "the questions were broken off; nothing was written");
}

function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toLowerCase();
}
