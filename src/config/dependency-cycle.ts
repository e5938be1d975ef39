// Tasks that wait for each other, and so for ever. Pure.

/**
 * Finds the cycles of a graph. Where some share a task, one may come to light only when the others are broken.
 *
 * @param dependencies - Whom each id needs, in the order of the file. Ids that it does not have need nobody.
 * @returns Each cycle once, from the member that comes first in the file: `["ts001", "ts002"]`.
 */
export function findCycles(dependencies: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map([...dependencies.keys()].map((id, index) => [id, index]));
  const cycles: string[][] = [];
  const done = new Set<string>();
  // In the order in which they were entered, which is what a Set keeps.
  const path = new Set<string>();

  function visit(id: string): void {
    if (path.has(id)) {
      const members = [...path];
      cycles.push(fromFirst(members.slice(members.indexOf(id)), order));
    }
    if (path.has(id) || done.has(id)) return;
    path.add(id);
    for (const needed of dependencies.get(id) ?? []) visit(needed);
    path.delete(id);
    done.add(id);
  }

  for (const id of dependencies.keys()) visit(id);
  return cycles;
}

function fromFirst(cycle: readonly string[], order: ReadonlyMap<string, number>): string[] {
  const places = cycle.map((id) => order.get(id) ?? 0);
  const first = places.indexOf(Math.min(...places));
  return [...cycle.slice(first), ...cycle.slice(0, first)];
}
