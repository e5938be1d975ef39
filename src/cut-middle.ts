// Cuts texts to the room they have, in the middle: names that differ often do so at their ends. Pure.

/** How wide a text is drawn. */
export type Measure = (text: string) => number;

const graphemes = new Intl.Segmenter();

/**
 * The text, or as much of its begin and its end as fits; empty where not even one character does.
 *
 * @param ellipsis - Stands for what is left out. Default `…`.
 */
export function cutMiddle(text: string, room: number, measure: Measure, ellipsis = "…"): string {
  if (measure(text) <= room) return text;
  const parts = [...graphemes.segment(text)].map(({ segment }) => segment);
  const cutTo = (kept: number) => {
    const head = Math.ceil(kept / 2);
    return (
      parts.slice(0, head).join("").trimEnd() +
      ellipsis +
      parts
        .slice(parts.length - (kept - head))
        .join("")
        .trimStart()
    );
  };
  // The more is kept, the wider it is: the most that fits is searched between none and all but one.
  let [fits, tooMany] = [0, parts.length];
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (measure(cutTo(middle)) <= room) fits = middle;
    else tooMany = middle;
  }
  return fits === 0 ? "" : cutTo(fits);
}
