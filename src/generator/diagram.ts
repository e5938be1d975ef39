// Draws a context as a Mermaid state diagram: tasks are states, triggers are arrows. Ids and names are escaped so that any of
// them is safe: Mermaid's grammar is a list of regular expressions, some of which ignore word and line boundaries. Pure.
import type { ContextConfig, TaskServiceConfig } from "../config/context-config.ts";
import { entersAtOnce, idsCalled } from "../config/meaning.ts";

/** The start of the diagram, and the target of an `exit`. */
const OUTSIDE = "[*]";

/**
 * Draws the context: an arrow from the start to each task that is not on demand, and one for each trigger and task that it
 * calls. The same config gives the same text.
 *
 * @returns Lines of Mermaid, the last one without a line end.
 */
export function drawContext(config: ContextConfig): string {
  const names = namesOf(config.tasks.map(({ id }) => id));
  const lines = [
    ...config.tasks.filter(entersAtOnce).map(({ id }) => `${OUTSIDE} --> ${names.get(id)}`),
    ...config.tasks.map(({ id, instance }) => `${names.get(id)}: ${escaped(id)} ${escaped(instance)}`),
    ...config.tasks.flatMap((task) => arrowsFrom(task, config, names)),
  ];
  return ["stateDiagram-v2", ...lines.map((line) => `    ${line}`)].join("\n");
}

/** @param names - The states' names by id, in the order of the file. */
function arrowsFrom(
  { id: from, triggers }: TaskServiceConfig,
  { contextId }: ContextConfig,
  names: ReadonlyMap<string, string>,
): string[] {
  return Object.entries(triggers).flatMap(([event, trigger]) => {
    const ids = idsCalled(trigger, contextId, [...names.keys()]);
    const targets = trigger.action === "exit" ? [OUTSIDE] : ids.flatMap((id) => names.get(id) ?? []);
    return targets.map((target) => `${names.get(from)} --> ${target}: ${event} ${trigger.action}`);
  });
}

// --- names -----------------------------------------------------------------------------------------------------------

/** A name for every id: the id itself where it means nothing else to Mermaid, else a generated one that clashes with no id. */
function namesOf(ids: readonly string[]): Map<string, string> {
  let prefix = "task_";
  while (ids.some((id) => id.startsWith(prefix))) prefix += "_";
  return new Map(ids.map((id, index) => [id, isName(id) ? id : `${prefix}${index + 1}`]));
}

/** Words that a statement of the grammar may begin with; upper and lower case are the same. */
const KEYWORDS = [
  ...["accdescr", "acctitle", "as", "choice", "class", "classdef", "click", "default", "direction", "end", "fork"],
  ...["hide", "href", "join", "note", "scale", "state", "statediagram", "style"],
];

function isName(id: string): boolean {
  const isKeyword = KEYWORDS.includes(id.toLowerCase());
  // Mermaid itself names the diagram `root`, and its two `[*]` `root_start` and `root_end`.
  const isTaken = /^root(_|$)/.test(id) || id in Object.prototype;
  return /^[A-Za-z]\w*$/.test(id) && !isKeyword && !isTaken && !endsLikeDirection(id);
}

/** Mermaid reads `direction` followed by `LR` as a statement, anywhere in a line and even across a line end. */
function endsLikeDirection(word: string): boolean {
  return /direction$/i.test(word);
}

// --- texts -----------------------------------------------------------------------------------------------------------

/** Every character but letters, digits, and `_`, `.` or `-` between two of them: `_x_` would be italics, `1.` a list. */
const SIGN = /[^\p{L}\p{N}_.-]|(?<![\p{L}\p{N}])[_.-]|[_.-](?![\p{L}\p{N}])/gu;

/** A word of a label, with a character reference for everything that might have a meaning. */
function escaped(word: string): string {
  const text = word.replace(SIGN, numbered);
  return endsLikeDirection(text) ? text.slice(0, -1) + numbered(text.slice(-1)) : text;
}

/** A character reference as Mermaid writes it. */
function numbered(character: string): string {
  return `#${character.codePointAt(0)};`;
}
