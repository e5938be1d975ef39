// Turns an offset in a text into line and column. Pure.

/**
 * Line and column of an offset as editors count them: from 1, in UTF-16 units, without a byte order mark.
 *
 * @returns A function from the offset to `line:column`.
 */
export function positionsIn(text: string): (offset: number) => string {
  const firstColumn = text.startsWith("\uFEFF") ? 1 : 0;
  const lineStarts = [firstColumn, ...Array.from(text.matchAll(/\r\n?|\n/g), (end) => end.index + end[0].length)];
  return (offset) => {
    const line = lastAtMost(lineStarts, offset);
    return `${line + 1}:${Math.max(0, offset - (lineStarts[line] ?? 0)) + 1}`;
  };
}

/** Index of the last number that is not above the limit, in a rising list; its first number must not be above it. */
function lastAtMost(rising: readonly number[], limit: number): number {
  let low = 0;
  let high = rising.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((rising[middle] ?? 0) <= limit) low = middle;
    else high = middle;
  }
  return low;
}
