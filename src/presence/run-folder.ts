// The folders in which running providers are found: one of each user, in a place that all share and that is empty after
// a boot. Only its owner can write to one, so nobody can take a name in it before the owner does.
import { chmod, lstat, mkdir, mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RunFolder {
  path: string;
  /** The user it belongs to. */
  uid: number;
}

// A service may have a /tmp of its own, and what is old is removed from there: so that is the second choice.
const PLACES = process.platform === "linux" ? ["/dev/shm", "/tmp"] : [tmpdir()];
const PREFIX = "zcontext-";
/** Others may look in. */
const MODE = 0o755;
const WRITABLE_BY_OTHERS = 0o022;

/** All that there are. */
export async function findRunFolders(): Promise<RunFolder[]> {
  return (await Promise.all(PLACES.map(foldersIn))).flat();
}

/** That of this user, made if need be; undefined where no place takes one. */
export async function openRunFolder(): Promise<string | undefined> {
  for (const place of PLACES) {
    const found = (await foldersIn(place)).find(({ uid }) => uid === ownUid()) ?? (await makeFolderIn(place));
    if (found !== undefined) return found.path;
  }
  return undefined;
}

export function ownUid(): number {
  return process.getuid?.() ?? 0;
}

async function foldersIn(place: string): Promise<RunFolder[]> {
  const names = await readdir(place).catch(() => []);
  const ours = names.filter((name) => name.startsWith(PREFIX));
  const found = await Promise.all(ours.map((name) => runFolderAt(place, name)));
  return found.filter((folder) => folder !== undefined);
}

/** Undefined for what somebody has made under the name of another, or could have written to. */
async function runFolderAt(place: string, name: string): Promise<RunFolder | undefined> {
  const path = join(place, name);
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory() !== true || (found.mode & WRITABLE_BY_OTHERS) !== 0) return undefined;
  const { uid } = found;
  return name === `${PREFIX}${uid}` || name.startsWith(`${PREFIX}${uid}-`) ? { path, uid } : undefined;
}

async function makeFolderIn(place: string): Promise<RunFolder | undefined> {
  const name = `${PREFIX}${ownUid()}`;
  const path = join(place, name);
  try {
    await mkdir(path);
    await chmod(path, MODE);
    return { path, uid: ownUid() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") return undefined;
  }
  // Another process of ours was faster, or another user has taken the name.
  return (await runFolderAt(place, name)) ?? makeSpareIn(place);
}

async function makeSpareIn(place: string): Promise<RunFolder | undefined> {
  const path = await mkdtemp(join(place, `${PREFIX}${ownUid()}-`)).catch(() => undefined);
  if (path === undefined) return undefined;
  await chmod(path, MODE);
  return { path, uid: ownUid() };
}
