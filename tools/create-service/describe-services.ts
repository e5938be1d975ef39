// Finds out which services to create: from a service list, from the options, or by asking for what the options lack.
import { readFile } from "node:fs/promises";
import {
  type Language,
  parseServiceList,
  readServiceOptions,
  type ServiceListDraft,
} from "../../src/config/service-list/service-list.ts";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { decodeText } from "../../src/text.ts";
import { type Description, type Options, REQUIRED } from "./description.ts";

/** Options that do not describe the service itself. */
const OTHER_OPTIONS = ["xml_file", "language", "templates", "dry_run", "force", "diagram", "json"];

/**
 * The services to create.
 *
 * @throws {ZcontextError} `ERR_USAGE`, `ERR_CONFIG_UNREADABLE`, or `ERR_CONFIG_INVALID` with all problems.
 */
export async function describeServices(options: Options): Promise<ServiceListDraft> {
  const given = descriptionIn(options);
  if (options.xml_file !== undefined) return readList(options.xml_file, given, options.language);
  const missing = REQUIRED.filter((name) => given[name] === undefined);
  if (missing.length === 0) return readServiceOptions(given, options.language);
  if (options.json || !isInteractive()) throw incomplete(missing);
  // Loaded on demand: most descriptions are complete.
  const { promptFor } = await import("./prompt.ts");
  return readServiceOptions(await promptFor(missing, given, options.language), options.language);
}

/** Whether a person can see the questions and answer them. */
function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

function descriptionIn(options: Options): Description {
  const entries = Object.entries(options).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(entries.filter(([name]) => !OTHER_OPTIONS.includes(name)));
}

async function readList(
  file: string,
  { service_path: servicePath, home_path: homePath, ...others }: Description,
  language: Language | undefined,
): Promise<ServiceListDraft> {
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new ZcontextError(
      "ERR_USAGE",
      `--xml_file can't be combined with --${other}, which describes a service as well`,
      {
        hint: "Leave one of them out. With --xml_file only --service_path and --home_path say where to write.",
      },
    );
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
    hint: "`create-service --help` explains them. On a terminal, create-service asks for them. Or give --xml_file.",
  });
}
