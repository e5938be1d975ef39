// Which colour and which dashes the line of a task has: the same in all charts, and for as long as the page is open,
// whichever tasks come and go. Pure.

export interface LineLook {
  /** Of the colours `--line-0` and so on. */
  colour: number;
  /** Lengths of strokes and gaps; none for a line without gaps. */
  dashes: readonly number[];
}

export const COLOURS = 8;
/** With the colours they tell 48 tasks apart. */
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [16, 4], [5, 3, 5, 8]] as const;

export interface LineLooks {
  /** Gives each task that has no look the next one. */
  know(ids: Iterable<string>): void;
  of(id: string): LineLook;
}

export function createLineLooks(): LineLooks {
  const places = new Map<string, number>();

  function placeOf(id: string): number {
    const place = places.get(id) ?? places.size;
    places.set(id, place);
    return place;
  }

  return {
    know(ids) {
      for (const id of ids) placeOf(id);
    },
    of(id) {
      const place = placeOf(id);
      return {
        colour: place % COLOURS,
        dashes: DASHES[Math.floor(place / COLOURS) % DASHES.length] as readonly number[],
      };
    },
  };
}
