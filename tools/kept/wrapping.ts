// Breaks text into lines between words. Pure.

/**
 * The text in lines of at most so many columns, as far as its words allow: one that is longer has a line of its own.
 *
 * @param columns - Infinity for one line.
 */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
