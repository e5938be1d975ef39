// Checks values against schemata. Ajv compiles JSON Schema; it is loaded for the first one.
import { createRequire } from "node:module";
import { ZcontextError } from "../errors.ts";
import type { OutgoingContent } from "./bus-types.ts";
import type { AnySchema, JsonSchema, StandardSchema } from "./schema-type.ts";

/** Says what is wrong with a value; undefined where nothing is. */
export type Check = (value: unknown) => Promise<string | undefined> | string | undefined;

const require = createRequire(import.meta.url);

const DRAFTS = {
  "http://json-schema.org/draft-06/schema": "ajv",
  "http://json-schema.org/draft-07/schema": "ajv",
  "https://json-schema.org/draft/2019-09/schema": "ajv/dist/2019",
  "https://json-schema.org/draft/2020-12/schema": "ajv/dist/2020",
} as const;
const NEWEST = "https://json-schema.org/draft/2020-12/schema";

/** One compiler for each generation of drafts. */
const compilers = new Map<string, Compiler>();

interface Compiler {
  compile(schema: object | boolean): ((value: unknown) => boolean) & { errors?: unknown[] | null };
  errorsText(errors: unknown[] | null | undefined, options: { dataVar: string }): string;
  addMetaSchema(schema: object): void;
}

/**
 * Makes a check of a schema.
 *
 * @param what - What the schema is of, for error messages.
 * @throws {ZcontextError} `ERR_SCHEMA_INVALID` for a schema that can't be compiled, or of an unknown draft.
 */
export function checkOf(schema: AnySchema, what: string): Check {
  return isStandard(schema) ? standardCheck(schema) : jsonCheck(schema, what);
}

function isStandard(schema: AnySchema): schema is StandardSchema {
  return typeof schema === "object" && "~standard" in schema;
}

function standardCheck(schema: StandardSchema): Check {
  return async (value) => {
    const { issues } = await schema["~standard"].validate(value);
    return issues?.map(({ message, path = [] }) => `${path.map(keyOf).join(".") || "value"}: ${message}`).join("; ");
  };
}

function keyOf(part: unknown): string {
  return String(typeof part === "object" && part !== null && "key" in part ? part.key : part);
}

function jsonCheck(schema: JsonSchema, what: string): Check {
  const compiler = compilerFor(schema, what);
  const validate = compile(compiler, schema, what);
  return (value) => (validate(value) ? undefined : compiler.errorsText(validate.errors, { dataVar: "value" }));
}

function compile(compiler: Compiler, schema: JsonSchema, what: string) {
  try {
    return compiler.compile(schema);
  } catch (error) {
    throw new ZcontextError("ERR_SCHEMA_INVALID", `the schema of ${what} can't be compiled: ${String(error)}`, {
      cause: error,
    });
  }
}

function compilerFor(schema: JsonSchema, what: string): Compiler {
  const named = typeof schema === "object" && typeof schema.$schema === "string" ? schema.$schema : NEWEST;
  const draft = named.replace(/#$/, "");
  if (!Object.hasOwn(DRAFTS, draft))
    throw new ZcontextError("ERR_SCHEMA_INVALID", `the schema of ${what} is of an unknown draft: ${named}`, {
      hint: `Known are ${Object.keys(DRAFTS).join(", ")}.`,
    });
  const module = DRAFTS[draft as keyof typeof DRAFTS];
  const known = compilers.get(module);
  if (known !== undefined) return known;
  const Ajv: new (options: object) => Compiler = require(module).default;
  const compiler = new Ajv({ strict: false, allErrors: false, validateFormats: false });
  if (module === "ajv") compiler.addMetaSchema(require("ajv/dist/refs/json-schema-draft-06.json"));
  compilers.set(module, compiler);
  return compiler;
}

/** @throws {ZcontextError} `ERR_EVENT_INVALID`. */
export async function assertFit(
  name: string,
  { content, context = {} }: OutgoingContent,
  checks: { content: Check | undefined; context: Check | undefined },
): Promise<void> {
  const values = { content, context };
  for (const field of ["content", "context"] as const) {
    const problem = await checks[field]?.(values[field]);
    if (problem !== undefined) throw new ZcontextError("ERR_EVENT_INVALID", `event ${name}: ${field}: ${problem}`);
  }
}
