// Finds tasks that depend on each other in a cycle and so would wait for ever. Pure.

/**
 * Finds the cycles of a graph. Of cycles that share a task, some may be found only after the others are broken.
 *
 * @param dependencies - The ids that each id depends on, in the order of the file. Unknown ids depend on nothing.
 * @returns Each cycle once, from the member that comes first in the file: `["ts001", "ts002"]`.
 */
export function findCycles(dependencies: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map([...dependencies.keys()].map((id, index) => [id, index]));
  const cycles: string[][] = [];
  const done = new Set<string>();
  // A Set keeps the order of insertion.
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
