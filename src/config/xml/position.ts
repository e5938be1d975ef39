// Turns an offset in a text into line and column. Pure.
/**
 * Where an offset is, as editors count: lines and columns from 1, a column being one UTF-16 unit and a byte order mark
 * none.
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

/** Index of the last number that is not above the limit, in a rising list that begins with one that is not. */
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
