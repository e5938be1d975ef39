// Asks on the terminal for the options that a description lacks, suggesting an answer to each. Questions go to stderr:
// stdout is for the answer of the command.
import { cancel, intro, isCancel, outro, text } from "@clack/prompts";
import { type ExistingContext, type Language, problemWith } from "../../src/config/service-list/service-list.ts";
import { ZcontextError } from "../../src/errors.ts";
import { freeId } from "../../src/generator/existing-service.ts";
import { contextsOf } from "../../src/generator/project.ts";
import { findContext } from "../../src/generator/scaffold.ts";
import type { Description, RequiredOption } from "./description.ts";

/** The question for each option, and what it suggests: from the options known so far and the existing context. */
const QUESTIONS: {
  [option in RequiredOption]: { question: string; suggest(known: Description, existing?: ExistingContext): string };
} = {
  task_service: { question: "What is the service called?", suggest: () => "Greeter" },
  task_desc: { question: "What does it do?", suggest: ({ task_service }) => `The service ${task_service}` },
  service_name: {
    question: "What is its name in messages?",
    suggest: ({ task_service = "" }) => snakeCase(task_service),
  },
  device_action: {
    question: "Which device_action do all its announcements carry?",
    suggest: ({ service_name = "" }) => service_name,
  },
  service_path: { question: "Where is the project?", suggest: () => "." },
  context_name: {
    question: "Which context runs it?",
    suggest: (known) => onlyContextOf(known) ?? known.task_service ?? "",
  },
  task_id: {
    question: "What is the id of its task in that context?",
    suggest: (_, existing) => freeId(existing?.tasks ?? []),
  },
  server_ip: { question: "On which host does the context run?", suggest: () => "127.0.0.1" },
  sub_port: { question: "To which port do listeners connect? * lets the system choose.", suggest: () => "*" },
  pub_port: { question: "To which port do senders connect? * lets the system choose.", suggest: () => "*" },
};

/** The options that an existing context decides: host and ports. */
function optionsOf(existing: ExistingContext | undefined): Description {
  const [, host, publish] = /^tcp:\/\/(.+):(\*|\d+)$/.exec(existing?.endpoints.publish ?? "") ?? [];
  const [, , subscribe] = /^tcp:\/\/(.+):(\*|\d+)$/.exec(existing?.endpoints.subscribe ?? "") ?? [];
  if (host === undefined || publish === undefined || subscribe === undefined) return {};
  return { server_ip: host, pub_port: publish, sub_port: subscribe };
}

/** The name of the project's context, if it has exactly one. */
function onlyContextOf({ service_path, home_path = service_path }: Description): string | undefined {
  if (service_path === undefined || home_path === undefined) return undefined;
  const names = contextsOf({ servicePath: service_path, homePath: home_path }, process.cwd());
  return names.length === 1 ? names[0] : undefined;
}

/** The existing context that the options so far name. A file that can't be read is reported once all is known. */
function existingContext({
  service_path,
  home_path = service_path,
  context_name,
}: Description): ExistingContext | undefined {
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
 * @param language - The language of the code, which decides which names are reserved.
 * @throws {ZcontextError} `ERR_USAGE` when the person cancels, or before the first question when the given options have
 *   problems.
 */
export async function promptFor(
  missing: readonly RequiredOption[],
  given: Description,
  language: Language | undefined,
): Promise<Description> {
  const problemsIn = (options: Description) =>
    Object.keys(options).flatMap((option) => problemWith(option, options, language) ?? []);
  refuse(problemsIn(given));
  intro("create-service", { output: process.stderr });
  const known = { ...given };
  // Ctrl-D closes the input and leaves the question pending. Nothing keeps the process alive then: beforeExit tells.
  const inputEnd = new AbortController();
  const onInputEnd = () => inputEnd.abort();
  process.once("beforeExit", onInputEnd);
  for (const option of missing) {
    const existing = existingContext(known);
    const decided = optionsOf(existing)[option];
    if (decided !== undefined) {
      known[option] = decided;
      continue;
    }
    const suggestion = QUESTIONS[option].suggest(known, existing);
    // The options known so far have no problems, so any problem comes from the answer, whichever option it names.
    const validate = (value = "") => problemsIn({ ...known, [option]: value || suggestion })[0];
    known[option] = await prompt(option, { suggestion, validate, signal: inputEnd.signal });
  }
  process.off("beforeExit", onInputEnd);
  outro("", { output: process.stderr });
  return known;
}

/** Problems of the given options end the command before the first question. */
function refuse(details: readonly string[]): void {
  if (details.length === 0) return;
  throw new ZcontextError("ERR_USAGE", "the given options have problems; nothing was written", { details });
}

interface Prompt {
  suggestion: string;
  /** What is wrong with an answer. */
  validate(value?: string): string | undefined;
  signal: AbortSignal;
}

async function prompt(option: RequiredOption, { suggestion, validate, signal }: Prompt): Promise<string> {
  const answer = await text({
    message: `${QUESTIONS[option].question} (--${option})`,
    placeholder: suggestion,
    defaultValue: suggestion,
    validate,
    output: process.stderr,
    signal,
  });
  if (!isCancel(answer)) return answer;
  cancel("Cancelled.", { output: process.stderr });
  throw new ZcontextError("ERR_USAGE", "the questions were cancelled; nothing was written");
}

function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toLowerCase();
}
