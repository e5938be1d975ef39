// Renders templates: those of zcontext, and the user's own that replace them.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import Handlebars from "handlebars";
import { reasonOf, ZcontextError } from "../errors.ts";
import { didYouMean } from "../suggest.ts";
import { decodeText } from "../text.ts";

/** All templates. A file of the same name in the user's folder replaces one. */
export const TEMPLATES = [
  "context.xml.hbs",
  "task-service.xml.hbs",
  "service.ts.hbs",
  "task-looped.ts.hbs",
  "task-single.ts.hbs",
  "task-handlers.ts.hbs",
  "index.ts.hbs",
  "test.ts.hbs",
  "test-handlers.ts.hbs",
  "service.py.hbs",
  "task-looped.py.hbs",
  "task-single.py.hbs",
  "task-handlers.py.hbs",
  "init.py.hbs",
  "test.py.hbs",
  "test-handlers.py.hbs",
] as const;
export type TemplateName = (typeof TEMPLATES)[number];

export interface Templates {
  /**
   * Renders a template. It is an error when the template uses a value that the data lacks.
   *
   * @throws {ZcontextError} `ERR_TEMPLATE_INVALID` naming the template, the position, and the fault.
   */
  render(name: TemplateName, data: object): string;
  /** Whether the template is the user's own. */
  isOwn(name: TemplateName): boolean;
}

/**
 * Opens the templates.
 *
 * @param folder - With the user's templates; it may lack some.
 * @throws {ZcontextError} `ERR_TEMPLATE_INVALID` where the folder can't be read, or has unknown templates.
 */
export function openTemplates(folder?: string): Templates {
  const own = new Set(folder === undefined ? [] : ownTemplates(folder));
  const handlebars = Handlebars.create();
  for (const [name, toLiteral] of Object.entries(ESCAPES)) handlebars.registerHelper(name, ofText(name, toLiteral));
  const compiled = new Map<TemplateName, Handlebars.TemplateDelegate>();

  function open(name: TemplateName, path: string): Handlebars.TemplateDelegate {
    const known = compiled.get(name);
    if (known !== undefined) return known;
    const template = handlebars.compile(decodeText(readFileSync(path)), { strict: true, noEscape: true });
    compiled.set(name, template);
    return template;
  }

  return {
    isOwn: (name) => own.has(name),
    render(name, data) {
      const path = own.has(name)
        ? join(folder as string, name)
        : createRequire(import.meta.url).resolve(`#templates/${name}`);
      try {
        return open(name, path)(guarded(data));
      } catch (error) {
        throw invalid(`${path}: ${reasonOf(error)}`, error);
      }
    },
  };
}

function ownTemplates(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith(".hbs"));
  } catch (error) {
    throw invalid(`cannot read the templates of ${folder}: ${reasonOf(error)}`, error);
  }
  const unknown = names.filter((name) => !TEMPLATES.some((known) => known === name));
  if (unknown.length === 0 && names.length > 0) return names;
  const got = unknown.map((name) => `${name}${didYouMean(name, TEMPLATES)}`).join(", ") || "no template at all";
  throw new ZcontextError("ERR_TEMPLATE_INVALID", `${folder}: expected templates that replace ours, got ${got}`, {
    hint: `Templates are called ${TEMPLATES.join(", ")}.`,
  });
}

function invalid(message: string, cause: unknown): ZcontextError {
  return new ZcontextError("ERR_TEMPLATE_INVALID", message, {
    hint: "docs/create-service.md lists the values and the helpers that templates have.",
    cause,
  });
}

/** Makes the use of an unknown value an error also in the arguments of helpers, where Handlebars' strict mode does not. */
function guarded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(guarded);
  if (typeof value !== "object" || value === null) return value;
  const data = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, guarded(part)]));
  return new Proxy(data, {
    get(values, name) {
      if (typeof name === "symbol" || name in values) return Reflect.get(values, name);
      throw new Error(`"${name}" is not a value here; there are ${Object.keys(values).join(", ")}`);
    },
  });
}

function ofText(name: string, toLiteral: (value: string) => string): (value: unknown) => string {
  return (value) => {
    if (typeof value === "string") return toLiteral(value);
    throw new Error(
      `{{${name} …}}: expected a text, got ${value === undefined ? "nothing" : `a value of type ${typeof value}`}`,
    );
  };
}

/** Helpers that write a value in the syntax of the language around it. */
export const ESCAPES = {
  /** A string literal of TypeScript, quotes included. */
  ts: (value: string) => escapeLines(JSON.stringify(value)),
  /** A string literal of Python, quotes included; a JSON string is one. */
  py: (value: string) => escapeLines(JSON.stringify(value)),
  /** The text of an XML element, on one line. */
  xml: (value: string) => escapeXml(value, /[&<>\t\n\r\u0085\u2028\u2029]/g),
  /** The value of an XML attribute in double quotes, on one line. */
  attribute: (value: string) => escapeXml(value, /[&<>"\t\n\r\u0085\u2028\u2029]/g),
  /** A comment behind `//` or `#`, on one line. */
  comment: (value: string) => value.replace(/[\s\p{Cc}]+/gu, " ").trim(),
};

const ENTITIES: { [character: string]: string } = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeXml(value: string, characters: RegExp): string {
  return value.replace(characters, (character) => ENTITIES[character] ?? `&#${character.charCodeAt(0)};`);
}

// Some parsers take these for line ends, and they look like spaces.
function escapeLines(literal: string): string {
  return literal.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
