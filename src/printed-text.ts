// What a person reads of a line that a program has printed for a terminal: colours stay, everything else that controls a
// terminal is carried out within the line or left out, so that no line can touch another one. Pure.

// Of the control characters, only a tab is text.
const CONTROL = /[^\P{Cc}\t]/u;

// An escape sequence, a control character, or text. Each part of a sequence excludes what begins the next one, so that the
// time is linear. A string without its end is no sequence: what follows its introducer stays readable.
const TOKEN = new RegExp(
  [
    String.raw`(?:\x1b\[|\x9b)(?<parameters>[0-?]*)[ -/]*(?<final>[@-~]?)`,
    String.raw`(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\0-\x1f\x7f-\x9f]*(?:\x07|\x1b\\|\x9c)`,
    String.raw`\x1b[ -/]*(?<single>[0-~]?)`,
    String.raw`(?<control>[^\P{Cc}\t])`,
    String.raw`(?<text>[\P{Cc}\t]+)`,
  ].join("|"),
  "gu",
);

// biome-ignore lint/suspicious/noControlCharactersInRegex: a colour is an escape sequence.
const COLOUR = /\x1b\[[\d:;]*m/g;
const RESET = /^.\[0*m$/;
/** Colours that are remembered while the text before them is taken back again and again. */
const MAX_COLOURS = 16;

/** The line without its colours. */
export function withoutColours(line: string): string {
  return line.includes("\x1b") ? line.replace(COLOUR, "") : line;
}

/**
 * The line as a person reads it, with its colours.
 *
 * What a carriage return, a backspace or erasing has taken back is left out: of a progress bar the last state remains. A
 * blank stands where the cursor has gone to another place. Other control characters are shown as `\u0000`.
 */
export function readableLine(printed: string): string {
  if (!CONTROL.test(withoutColours(printed))) return printed;
  const line = createScreenLine();
  for (const { groups = {} } of printed.matchAll(TOKEN)) {
    const { text, control, single, final, parameters = "" } = groups;
    if (text !== undefined) for (const character of text) line.put(character);
    else if (control !== undefined) obeyControl(line, control);
    else if (final !== undefined) obeySequence(line, final, parameters);
    else if (single !== undefined) obeyEscape(line, single);
  }
  return line.text();
}

function obeyControl(line: ScreenLine, control: string): void {
  if (control === "\r") line.goBack(Number.POSITIVE_INFINITY);
  else if (control === "\b") line.goBack(1);
  else if (/[\n\v\f\x84\x85\x8d]/.test(control)) line.goAway();
  // A bell is not read.
  else if (control !== "\x07") for (const sign of escapeOf(control)) line.put(sign);
}

function obeyEscape(line: ScreenLine, final: string): void {
  if (final === "c") line.erase(Number.POSITIVE_INFINITY);
  else if (/[DEM]/.test(final)) line.goAway();
}

function obeySequence(line: ScreenLine, final: string, parameters: string): void {
  const isPlain = /^[\d:;]*$/.test(parameters);
  const count = Number.parseInt(parameters, 10) || 0;
  if (final === "m" && isPlain) line.colour(`\x1b[${parameters}m`);
  else if (final === "D") line.goBack(Math.max(count, 1));
  else if (final === "G" && count <= 1) line.goBack(Number.POSITIVE_INFINITY);
  else if (final === "J" || final === "K") line.erase(count === 0 ? 0 : Number.POSITIVE_INFINITY);
  else if (/[ABCEFGHade`f]/.test(final)) line.goAway();
}

/** A line of a terminal while it is written. */
interface ScreenLine {
  put(character: string): void;
  colour(sequence: string): void;
  /** The next character overwrites the `count` before it, and what is behind them. */
  goBack(count: number): void;
  /** Erases `count` characters besides those that it has gone back over. */
  erase(count: number): void;
  /** The next character is apart from those before it. */
  goAway(): void;
  text(): string;
}

function createScreenLine(): ScreenLine {
  /** Characters and colours in their order. */
  let parts: string[] = [];
  let characters = 0;
  let back = 0;
  let isApart = false;

  function takeBack(): void {
    const left = Math.max(0, characters - back);
    back = 0;
    if (left === 0) parts = coloursOf(parts);
    const colours: string[] = [];
    for (; characters > left && left > 0; characters -= 1) {
      let part = parts.pop();
      for (; part !== undefined && isColour(part); part = parts.pop()) colours.unshift(part);
    }
    characters = left;
    for (const colour of colours) parts.push(colour);
  }

  return {
    put(character) {
      if (back > 0) takeBack();
      if (isApart && characters > 0 && parts.at(-1) !== " ") parts.push(" ");
      isApart = false;
      parts.push(character);
      characters += 1;
    },
    colour: (sequence) => void parts.push(sequence),
    goBack(count) {
      back += count;
    },
    erase(count) {
      back += count;
      if (back > 0) takeBack();
    },
    goAway() {
      isApart = true;
    },
    text: () => parts.join(""),
  };
}

/** The colours in force behind these parts. */
function coloursOf(parts: readonly string[]): string[] {
  const colours = parts.filter(isColour);
  return colours.slice(colours.findLastIndex((colour) => RESET.test(colour)) + 1).slice(-MAX_COLOURS);
}

function isColour(part: string): boolean {
  return part.length > 1 && part.startsWith("\x1b");
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
