// Parses smaps and smaps_rollup, which hold the memory of a process. See proc_pid_smaps(5). Pure.

/**
 * In MiB: `pss` divides shared memory among the processes that hold it, so it can be summed over a tree; `uss` is what
 * would be free without this process; `swap` is the part that is swapped out.
 */
export type MemoryShares = {
  pss: number;
  uss: number;
  swap: number;
};

/** What a process takes of the memory that it shares, read together with the memory that is resident in it; in MiB. */
export type MemoryReading = MemoryShares & {
  /** How much of its resident memory counts for others: `pss` is so much less. */
  counted_elsewhere: number;
};

/** All mappings of one path, in bytes. Names and order are those of psutil, and so of the wire. */
export interface MemoryMap {
  path: string;
  rss: number;
  size: number;
  pss: number;
  shared_clean: number;
  shared_dirty: number;
  private_clean: number;
  private_dirty: number;
  referenced: number;
  anonymous: number;
  swap: number;
}

type Size = Exclude<keyof MemoryMap, "path">;

const KIB_PER_MIB = 1024;
const KIB_BYTES = 1024;

/** From /proc/<pid>/smaps_rollup; undefined when it is empty, as for a process without memory. */
export function parseRollup(text: string): MemoryReading | undefined {
  const sizes = new Map([...text.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, name = "", kib]) => [name, Number(kib)]));
  const mib = (...names: string[]) => names.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0) / KIB_PER_MIB;
  if (!sizes.has("Pss")) return undefined;
  return {
    ...{ pss: mib("Pss"), uss: mib("Private_Clean", "Private_Dirty", "Private_Hugetlb"), swap: mib("Swap") },
    counted_elsewhere: Math.max(0, mib("Rss") - mib("Pss")),
  };
}

const SIZES: Readonly<Record<string, Size>> = {
  Rss: "rss",
  Size: "size",
  Pss: "pss",
  Shared_Clean: "shared_clean",
  Shared_Dirty: "shared_dirty",
  Private_Clean: "private_clean",
  Private_Dirty: "private_dirty",
  Referenced: "referenced",
  Anonymous: "anonymous",
  Swap: "swap",
};

/** `55d0c0a00000-55d0c0a21000 rw-p 00000000 00:00 0      [heap]`; an anonymous mapping has no path. */
const MAPPING = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/;

/** From /proc/<pid>/smaps, grouped by path, in the order of their first mappings. */
export function parseMaps(text: string): MemoryMap[] {
  const maps = new Map<string, MemoryMap>();
  let map: MemoryMap | undefined;
  for (const line of text.split("\n")) {
    const path = MAPPING.exec(line)?.[1];
    if (path !== undefined) map = mapOf(pathShown(path));
    else if (map !== undefined) add(line, map);
  }
  return [...maps.values()];

  function mapOf(path: string): MemoryMap {
    const known = maps.get(path);
    if (known !== undefined) return known;
    const empty = { path, rss: 0, size: 0, pss: 0, ...{ shared_clean: 0, shared_dirty: 0 } };
    const created = { ...empty, private_clean: 0, private_dirty: 0, referenced: 0, anonymous: 0, swap: 0 };
    maps.set(path, created);
    return created;
  }
}

function add(line: string, map: MemoryMap): void {
  const name = SIZES[line.slice(0, line.indexOf(":"))];
  if (name !== undefined) map[name] += Number.parseInt(line.slice(line.indexOf(":") + 1), 10) * KIB_BYTES;
}

// A library that was replaced on disk is still mapped. The kernel writes a newline as \012.
function pathShown(path: string): string {
  return path === "" ? "[anon]" : path.replace(/ \(deleted\)$/, "").replaceAll("\\012", "\n");
}
