// A context as a Mermaid state diagram: tasks are states, triggers are arrows. Every line is made to mean the same to
// Mermaid's grammar whatever the ids are; that grammar is a list of patterns tried in turn, and not all of them respect
// the ends of words and lines. Pure.
import type { ContextConfig, TaskServiceConfig } from "../config/context-config.ts";
import { entersAtOnce, idsCalled } from "../config/meaning.ts";

/** Where everything begins, and what an `exit` leads to. */
const OUTSIDE = "[*]";

/**
 * Draws the context: an arrow from the start to each task that enters at once, and one for each trigger and task it
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

/** @param names - Of the states by id, in the order of the file. */
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

/** A name for every id: the id itself where Mermaid takes it for nothing else, else one that no id begins like. */
function namesOf(ids: readonly string[]): Map<string, string> {
  let prefix = "task_";
  while (ids.some((id) => id.startsWith(prefix))) prefix += "_";
  return new Map(ids.map((id, index) => [id, isName(id) ? id : `${prefix}${index + 1}`]));
}

/** What a statement of the grammar may begin with, whatever its case. */
const KEYWORDS = [
  ...["accdescr", "acctitle", "as", "choice", "class", "classdef", "click", "default", "direction", "end", "fork"],
  ...["hide", "href", "join", "note", "scale", "state", "statediagram", "style"],
];

function isName(id: string): boolean {
  const isKeyword = KEYWORDS.includes(id.toLowerCase());
  // `root` is what Mermaid calls the diagram, and `root_start` and `root_end` its two `[*]`.
  const isTaken = /^root(_|$)/.test(id) || id in Object.prototype;
  return /^[A-Za-z]\w*$/.test(id) && !isKeyword && !isTaken && !endsLikeDirection(id);
}

/** `direction` and `LR` is a statement wherever it stands in a line, and even where a line end is between the two. */
function endsLikeDirection(word: string): boolean {
  return /direction$/i.test(word);
}

// --- texts -----------------------------------------------------------------------------------------------------------

/** All but letters and digits, and single signs between two of them: `_x_` would be drawn in italics, `1.` as a list. */
const SIGN = /[^\p{L}\p{N}_.-]|(?<![\p{L}\p{N}])[_.-]|[_.-](?![\p{L}\p{N}])/gu;

/** A word of a label, with a number for every character that might mean something. */
function escaped(word: string): string {
  const text = word.replace(SIGN, numbered);
  return endsLikeDirection(text) ? text.slice(0, -1) + numbered(text.slice(-1)) : text;
}

/** Mermaid's way to write a character reference. */
function numbered(character: string): string {
  return `#${character.codePointAt(0)};`;
}
