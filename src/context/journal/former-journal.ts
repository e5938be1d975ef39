// Reads the journal that a provider of this context file has left. One that can't be read is set aside under another name,
// and one whose provider lives is left alone.
import { statSync } from "node:fs";
import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf, ZcontextError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { isLiving, isSame, type ProcessIdentity } from "../../processes/stat.ts";
import type { ProcessTable } from "../../processes/table.ts";
import { decodeText } from "../../text.ts";
import { placeOf } from "./journal-file.ts";
import { nothingToResume, ownerOf, type Resumable, replay } from "./recall.ts";
import type { Fault } from "./records.ts";

/** How many unreadable journals are kept. */
const MAX_CORRUPT = 5;
/** So often an owner is looked at that lives, and how long apart, in milliseconds. */
const LOOKS = 10;
const LOOK_MS = 50;

/** The machine that a journal is read on. */
interface Present {
  bootId: string;
  us: ProcessIdentity | undefined;
  table: Pick<ProcessTable, "find">;
}

/**
 * What the former journal says is to be resumed; nothing where there is none that can be read.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_RUNNING` when the process that writes to it lives, and is another.
 */
export async function recallFormer(
  path: string,
  { folder, name, bootId, log, us, table }: { folder: string; name: string; log: Log } & Present,
): Promise<Resumable> {
  const text = await read(path);
  if (text === undefined) return nothingToResume;
  const owner = typeof text === "string" ? await livingOwner(ownerOf(text, bootId), { us, table }) : undefined;
  if (owner !== undefined) {
    const { pid } = owner.process;
    if (owner.place === undefined || owner.place === placeOf(statSync(path, { bigint: true })))
      throw running(path, pid);
    log.warn({ file: path, pid }, "journal is a copy of that of a provider that runs, nothing is resumed");
    return nothingToResume;
  }
  const found = typeof text === "string" ? replay(text, bootId) : text;
  if (!("fault" in found)) return found;
  const kept = await setAside(path, folder, name).catch((error: unknown) => `nowhere: ${reasonOf(error)}`);
  log.warn({ file: path, reason: found.fault, kept }, "journal set aside, nothing is resumed");
  return nothingToResume;
}

/** Undefined where there is none. */
async function read(path: string): Promise<string | Fault | undefined> {
  try {
    // Reading a named pipe in its place would never end.
    if (!(await stat(path)).isFile()) return { fault: "is not a file" };
    return decodeText(await readFile(path));
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    return { fault: reasonOf(error) };
  }
}

type Owner = NonNullable<ReturnType<typeof ownerOf>>;

/** The owner, if it lives and is not this process. */
async function livingOwner(
  owner: Owner | undefined,
  { us, table }: Pick<Present, "us" | "table">,
): Promise<Owner | undefined> {
  if (owner === undefined) return undefined;
  const { process: known } = owner;
  const isGone = () => isSame(known, us) || !isSame(known, identityOf(known.pid, table));
  // The presence of a killed process is free a moment before the process is gone.
  for (let looks = 0; looks < LOOKS && !isGone(); looks += 1) await pause(LOOK_MS);
  return isGone() ? undefined : owner;
}

// A provider is found by its file; one whose presence and lock somebody has removed is seen here alone.
function running(path: string, pid: number): ZcontextError {
  return new ZcontextError("ERR_PROVIDER_RUNNING", `${path} is that of the provider with pid ${pid}, which runs`, {
    hint: "Stop it first: `kill <pid>` ends it in order.",
  });
}

/** Answers where it is now; it gets a number that none before it has had. */
async function setAside(path: string, folder: string, name: string): Promise<string> {
  const prefix = `${name}.journal.corrupt-`;
  const numbers = (await readdir(folder))
    .filter((file) => file.startsWith(prefix) && /^[1-9]\d{0,14}$/.test(file.slice(prefix.length)))
    .map((file) => Number(file.slice(prefix.length)))
    .sort((a, b) => a - b);
  const aside = (number: number) => join(folder, `${prefix}${number}`);
  const target = aside((numbers.at(-1) ?? 0) + 1);
  await rename(path, target);
  const surplus = numbers.slice(0, Math.max(0, numbers.length + 1 - MAX_CORRUPT));
  // One that can't be removed does no harm.
  for (const number of surplus) await rm(aside(number), { force: true }).catch(() => {});
  return target;
}

export function identityOf(pid: number, table: Pick<ProcessTable, "find">): ProcessIdentity | undefined {
  const found = table.find(pid);
  return found && isLiving(found) ? { pid, startTicks: found.startTicks } : undefined;
}
