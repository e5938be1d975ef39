// What `create-service` does, once its words are understood.
import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import { quoteWord } from "../../src/config/command.ts";
import {
  type Language,
  parseServiceList,
  readServiceOptions,
  type ServiceListDraft,
} from "../../src/config/service-list/service-list.ts";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { drawContext } from "../../src/generator/diagram.ts";
import type { Plan } from "../../src/generator/plan.ts";
import type { PlannedFile } from "../../src/generator/planned-file.ts";
import { planScaffold } from "../../src/generator/scaffold.ts";
import { isWritten, writePlan } from "../../src/generator/write.ts";
import { decodeText } from "../../src/text.ts";
import { answer, answerJson, EXIT, paint, say } from "../print.ts";
import { type Description, REQUIRED } from "./description.ts";
import { drawTree } from "./file-tree.ts";

/** The options of the command; see its `--help`. */
export interface Options {
  xml_file?: string;
  language?: Language;
  templates?: string;
  dry_run?: true;
  force?: true;
  diagram?: true;
  json?: true;
  [description: string]: string | true | undefined;
}

const MANNERS = ["xml_file", "language", "templates", "dry_run", "force", "diagram", "json"];

/** Writes services, or only says what it would write; answers the exit code. */
export async function create(options: Options): Promise<number> {
  const cwd = workingFolder();
  const draft = await describeServices(options);
  const plan = planScaffold(draft, { cwd, force: options.force, templates: options.templates });
  for (const warning of plan.warnings) say(`${paint("yellow", "warning:")} ${warning}`);
  if (!options.dry_run) writePlan(plan);
  if (options.json) answerJson(asJson(plan, options));
  else await print(plan, options);
  return EXIT.done;
}

/** Somebody may have deleted it; asked for once, Node remembers it. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new ZcontextError("ERR_USAGE", `the working folder is gone: ${reasonOf(error)}`, {
      hint: "Change to a folder that is there.",
      cause: error,
    });
  }
}

// --- the description -------------------------------------------------------------------------------------------------

async function describeServices(options: Options): Promise<ServiceListDraft> {
  const given = descriptionIn(options);
  if (options.xml_file !== undefined) return readList(options.xml_file, given, options.language);
  const missing = REQUIRED.filter((name) => given[name] === undefined);
  if (missing.length === 0) return readServiceOptions(given, options.language);
  if (options.json || !mayAsk()) throw incomplete(missing);
  // Loaded when it is needed: most descriptions are complete.
  const { askFor } = await import("./ask.ts");
  return readServiceOptions(await askFor(missing, given, options.language), options.language);
}

/** Whether somebody is there to answer. */
function mayAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

function descriptionIn(options: Options): Description {
  const entries = Object.entries(options).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(entries.filter(([name]) => !MANNERS.includes(name)));
}

async function readList(
  file: string,
  { service_path: servicePath, home_path: homePath, ...others }: Description,
  language: Language | undefined,
): Promise<ServiceListDraft> {
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new ZcontextError("ERR_USAGE", `--xml_file describes the services, and so does --${other}`, {
      hint: "Leave one of them out; only --service_path and --home_path may stand beside --xml_file.",
    });
  }
  const text = await readFile(file)
    .then(decodeText)
    .catch((error: unknown) => {
      throw new ZcontextError("ERR_CONFIG_UNREADABLE", `cannot read the service list ${file}: ${reasonOf(error)}`, {
        hint: "Give the path of a MetaServiceConf, such as conf/Services-Greenhouse.xml.",
        cause: error,
      });
    });
  return parseServiceList(text, { file, language, servicePath, homePath });
}

function incomplete(missing: readonly string[]): ZcontextError {
  const options = missing.map((name) => `--${name}`).join(", ");
  const which = missing.length === 1 ? "Missing required option" : "Missing required options";
  return new ZcontextError("ERR_USAGE", `${which}: ${options}`, {
    hint: "`create-service --help` explains them; on a terminal they are asked for. Or give --xml_file.",
  });
}

// --- the answer ------------------------------------------------------------------------------------------------------

function asJson(plan: Plan, { dry_run, diagram }: Options): object {
  const here = (path: string) => relative(process.cwd(), path) || ".";
  return {
    result: "success",
    written: !dry_run,
    context: here(plan.contextFile),
    files: plan.files.map(({ path, fate, note }) => ({ path: here(path), fate, ...(note === "" ? {} : { note }) })),
    ...(plan.warnings.length === 0 ? {} : { warnings: plan.warnings }),
    ...(diagram ? { diagram: drawContext(plan.context) } : {}),
  };
}

async function print(plan: Plan, options: Options): Promise<void> {
  // The picture is the answer that was asked for; the tree is then part of the conversation.
  const tell = options.diagram ? say : answer;
  if (!plan.isQuiet || options.dry_run) tell(describePlan(plan, options));
  if (options.dry_run) tell(await differences(plan.files.filter(isWritten)));
  if (options.diagram) answer(drawContext(plan.context));
  else if (!options.dry_run && !plan.isQuiet) say(nextStep(plan));
}

function describePlan({ files, site }: Plan, { dry_run }: Options): string {
  const head = dry_run ? ["nothing is written; without --dry-run this would be:"] : [];
  const leaves = files.map(({ path, fate, note }) => ({
    path: relative(site.project, path),
    text: [fate, note].filter(Boolean).join("  "),
  }));
  return [...head, drawTree(relative(process.cwd(), site.project) || ".", leaves)].join("\n");
}

/** As `diff -u` shows them. */
async function differences(files: readonly PlannedFile[]): Promise<string> {
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import("diff");
  const here = (path: string) => relative(process.cwd(), path);
  return files
    .map(({ path, before, after }) => {
      const old = before === undefined ? "/dev/null" : here(path);
      return createTwoFilesPatch(old, here(path), before ?? "", after, "", "", { headerOptions: FILE_HEADERS_ONLY });
    })
    .map((patch) =>
      patch.replace(/^[+-].*$/gm, (line) => paint(line[0] === "+" ? "green" : "red", line, process.stdout)),
    )
    .join("\n");
}

function nextStep({ contextFile }: Plan): string {
  return `next: npx service-context ${quoteWord(relative(process.cwd(), contextFile))} --start`;
}
