// The templates: those that come with zcontext, and those of the user's that take their place.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import Handlebars from "handlebars";
import { reasonOf, ZcontextError } from "../errors.ts";
import { didYouMean } from "../suggest.ts";
import { decodeText } from "../text.ts";

/** Every template there is; a file of that name in the user's folder replaces it. */
export const TEMPLATES = [
  "context.xml.hbs",
  "task-service.xml.hbs",
  "service.ts.hbs",
  "task-looped.ts.hbs",
  "task-single.ts.hbs",
  "index.ts.hbs",
  "test.ts.hbs",
  "service.py.hbs",
  "task-looped.py.hbs",
  "task-single.py.hbs",
  "init.py.hbs",
  "test.py.hbs",
] as const;
export type TemplateName = (typeof TEMPLATES)[number];

export interface Templates {
  /**
   * Fills a template. A value that the template asks for and the data has not is an error.
   *
   * @throws {ZcontextError} `ERR_TEMPLATE_INVALID` naming the template, where in it, and what is wrong.
   */
  render(name: TemplateName, data: object): string;
  /** Whether the user's own template is used. */
  isOwn(name: TemplateName): boolean;
}

/**
 * Opens the templates.
 *
 * @param folder - The user's own; it need not have them all.
 * @throws {ZcontextError} `ERR_TEMPLATE_INVALID` for a folder that can't be read, or one with unknown templates.
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
  const strangers = names.filter((name) => !TEMPLATES.some((known) => known === name));
  if (strangers.length === 0 && names.length > 0) return names;
  const got = strangers.map((name) => `${name}${didYouMean(name, TEMPLATES)}`).join(", ") || "no template at all";
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

/** Handlebars is strict with a value by itself, and takes an unknown one between the words of a helper for nothing. */
function guarded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(guarded);
  if (typeof value !== "object" || value === null) return value;
  const data = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, guarded(part)]));
  return new Proxy(data, {
    get(values, name) {
      if (typeof name === "symbol" || name in values) return Reflect.get(values, name);
      throw new Error(`"${name}" is no value here; there are ${Object.keys(values).join(", ")}`);
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

/** Values as the language they land in writes them. */
const ESCAPES = {
  /** A string literal of TypeScript, quotes included. */
  ts: (value: string) => escapeLines(JSON.stringify(value)),
  /** A string literal of Python, quotes included: what JSON writes is one. */
  py: (value: string) => escapeLines(JSON.stringify(value)),
  /** Text of an element of XML, on one line. */
  xml: (value: string) => escapeXml(value, /[&<>\t\n\r\u0085\u2028\u2029]/g),
  /** The same between double quotes. */
  attribute: (value: string) => escapeXml(value, /[&<>"\t\n\r\u0085\u2028\u2029]/g),
  /** What follows `//` or `#`, on one line. */
  comment: (value: string) => value.replace(/[\s\p{Cc}]+/gu, " ").trim(),
};

const ENTITIES: { [character: string]: string } = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeXml(value: string, characters: RegExp): string {
  return value.replace(characters, (character) => ENTITIES[character] ?? `&#${character.charCodeAt(0)};`);
}

// They end a line for some readers of code, and are told from a space by nobody.
function escapeLines(literal: string): string {
  return literal.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
