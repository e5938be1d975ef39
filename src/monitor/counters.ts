// Parses the small files of /proc/<pid> that hold counters. See proc(5). Pure.

/** How often the first thread of a process gave up its core, and how often it was taken from it. */
export type ContextSwitches = {
  voluntary: number;
  involuntary: number;
};

/** What a process read from storage and wrote to it; what the cache served is not counted. */
export type StorageBytes = {
  read_bytes: number;
  write_bytes: number;
};

/** From /proc/<pid>/status, which counts the first thread alone; psutil reads the same file. */
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

// Without a regular expression: these texts are long, and read for every process. A label counts only at the start of a
// line, because some labels end in another one.
function countAfter(label: string, text: string): number | undefined {
  const at = text.startsWith(label) ? 0 : text.indexOf(`\n${label}`) + 1;
  if (at === 0 && !text.startsWith(label)) return undefined;
  const count = Number.parseInt(text.slice(at + label.length, at + label.length + 40), 10);
  return Number.isNaN(count) ? undefined : count;
}
