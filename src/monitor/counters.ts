/** Reads the small files of /proc/<pid> that count something: text in, figures out. Opens nothing. See proc(5). */

/** How often the first thread of a process gave up its core, and how often it was taken from it. */
export interface ContextSwitches {
  voluntary: number;
  involuntary: number;
}

/** What a process had fetched from storage and sent there; what the cache answered is not counted. */
export interface StorageBytes {
  read_bytes: number;
  write_bytes: number;
}

/** From /proc/<pid>/status, which counts for the first thread alone; psutil has it from there as well. */
export function parseContextSwitches(text: string): ContextSwitches | undefined {
  const voluntary = countAfter("voluntary_ctxt_switches:", text);
  const involuntary = countAfter("nonvoluntary_ctxt_switches:", text);
  return voluntary === undefined || involuntary === undefined ? undefined : { voluntary, involuntary };
}

/** From /proc/<pid>/io. */
export function parseIo(text: string): StorageBytes | undefined {
  const read_bytes = countAfter("read_bytes:", text);
  const write_bytes = countAfter("write_bytes:", text);
  return read_bytes === undefined || write_bytes === undefined ? undefined : { read_bytes, write_bytes };
}

/** How many files may be open at once, from /proc/<pid>/limits: the soft limit. Undefined where there is none. */
export function parseFileLimit(text: string): number | undefined {
  return countAfter("Max open files", text);
}

// By hand rather than by a pattern: these texts are long, and read for every process. A label is sought at the start of
// a line, for that of the one is the end of another's.
function countAfter(label: string, text: string): number | undefined {
  const at = text.startsWith(label) ? 0 : text.indexOf(`\n${label}`) + 1;
  if (at === 0 && !text.startsWith(label)) return undefined;
  const count = Number.parseInt(text.slice(at + label.length, at + label.length + 40), 10);
  return Number.isNaN(count) ? undefined : count;
}
