// Adds task services to the text of a user's context file, in the style of that file. The rest of it stays as it is, byte
// for byte. Pure.
import { readContextRoot } from "../config/context-config.ts";
import type { Element } from "../config/xml/element.ts";
import { childEnd, rootEnd } from "../config/xml/xml.ts";

/**
 * Inserts task services at the end of a context, with the line ends and the indentation of the file, and an empty line
 * before each where the file has empty lines.
 *
 * @param additions - Elements from the first column on, two spaces a level, with `\n` between lines. Line ends must be
 *   between elements; one inside a value has to be written as `&#10;`.
 * @returns The text with one insertion. Of a root without an end tag, `<Context/>`, the `/` is removed.
 * @throws {ZcontextError} `ERR_CONFIG_INVALID` where the text is not well-formed, or not a context.
 */
export function addTaskServices(text: string, additions: readonly string[]): string {
  if (additions.length === 0) return text;
  const style = styleOf(text, readContextRoot(text));
  const { place, hasEndTag } = rootEnd(text);
  if (!hasEndTag) return `${text.slice(0, place)}>${pieceOf(additions, style, "")}</Context>${text.slice(place + 2)}`;
  const at = place - (indentAt(text, place)?.length ?? 0);
  const gap = spaceBefore(text, at, " \t\r\n");
  return text.slice(0, at) + pieceOf(additions, style, gap) + text.slice(at);
}

/**
 * Puts another element in place of a task service, in the style of the file.
 *
 * @param service - Of the root that `readContextRoot` reads in the text.
 * @param addition - As `addTaskServices` takes it.
 */
export function replaceTaskService(text: string, service: Element, addition: string): string {
  const root = readContextRoot(text);
  const { lineEnd, indent } = styleOf(text, root);
  const index = root.children.findIndex(({ place }) => place === service.place);
  const own = indentAt(text, service.place) ?? indent.service;
  const lines = linesOf(addition, { ...indent, service: own })
    .join(lineEnd)
    .slice(own.length);
  return text.slice(0, service.place) + lines + text.slice(childEnd(text, index));
}

function isTaskService({ name }: Element): boolean {
  return name === "TaskService";
}

// --- the style of a file ---------------------------------------------------------------------------------------------

interface Style {
  lineEnd: "\n" | "\r\n";
  /** The indentation of the root and of a task service, and what each further level adds. */
  indent: { root: string; service: string; level: string };
  /** Whether an empty line stands before each task service. */
  isSpaced: boolean;
}

function styleOf(text: string, root: Element): Style {
  // The style is taken from the last task service, or else from the last element.
  const onOwnLine = root.children.filter(({ place }) => indentAt(text, place) !== undefined);
  const model = onOwnLine.findLast(isTaskService) ?? onOwnLine.at(-1);
  const rootIndent = indentAt(text, root.place) ?? "";
  const service = (model && indentAt(text, model.place)) ?? `${rootIndent}  `;
  const inside = model?.children.map(({ place }) => indentAt(text, place)).find((indent) => indent !== undefined);
  const level = deeper(service, inside) ?? deeper(rootIndent, service) ?? "  ";
  return {
    lineEnd: mostlyCrLf(text) ? "\r\n" : "\n",
    indent: { root: rootIndent, service, level },
    isSpaced: root.children.some(isTaskService)
      ? model !== undefined && hasEmptyLineBefore(text, model.place)
      : root.children.length > 0,
  };
}

/** The white space before a place; undefined where something else precedes it in its line. */
function indentAt(text: string, place: number): string | undefined {
  const indent = spaceBefore(text, place, " \t");
  const isFirst = place === indent.length || "\r\n".includes(text.charAt(place - indent.length - 1));
  return isFirst ? indent : undefined;
}

function spaceBefore(text: string, place: number, characters: string): string {
  let start = place;
  while (start > 0 && characters.includes(text.charAt(start - 1))) start -= 1;
  return text.slice(start, place);
}

/** What an inner indentation adds to an outer one. */
function deeper(outer: string, inner: string | undefined): string | undefined {
  return inner?.startsWith(outer) && inner !== outer ? inner.slice(outer.length) : undefined;
}

function mostlyCrLf(text: string): boolean {
  const all = text.split("\n").length - 1;
  return text.split("\r\n").length - 1 > all / 2;
}

/** Whether an empty line precedes an element, or the comments right before it. */
function hasEmptyLineBefore(text: string, place: number): boolean {
  for (let before = text.slice(0, place); ; ) {
    const content = before.trimEnd();
    if (hasEmptyLine(before.slice(content.length))) return true;
    if (!content.endsWith("-->")) return false;
    before = content.slice(0, content.lastIndexOf("<!--"));
  }
}

function hasEmptyLine(space: string): boolean {
  return /\n[ \t]*\n/.test(space.replace(/\r\n?/g, "\n"));
}

// --- the piece -------------------------------------------------------------------------------------------------------

/** @param gap - The white space before the insertion; it ends with a line end where the root's end tag has its own line. */
function pieceOf(additions: readonly string[], { lineEnd, indent, isSpaced }: Style, gap: string): string {
  const between = isSpaced ? lineEnd + lineEnd : lineEnd;
  const services = additions.map((addition) => linesOf(addition, indent).join(lineEnd)).join(between);
  const emptyLine = isSpaced && !hasEmptyLine(gap) ? lineEnd : "";
  return /[\r\n]$/.test(gap) ? emptyLine + services + lineEnd : lineEnd + emptyLine + services + lineEnd + indent.root;
}

function linesOf(addition: string, { service, level }: Style["indent"]): string[] {
  return addition
    .trimEnd()
    .split(/\r\n?|\n/)
    .map((line) => {
      const levels = Math.floor(line.search(/[^ ]|$/) / 2);
      return line === "" ? "" : service + level.repeat(levels) + line.slice(2 * levels);
    });
}
