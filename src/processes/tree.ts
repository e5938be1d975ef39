// Decides from the process table who belongs to whom: to a run of a task, to a provider that is gone. Looks at nothing
// and signals nobody. Pure.
import type { Cookie } from "./cookie.ts";
import { FORWARDER_RUN } from "./cookie.ts";
import { isLiving, isSame, type ProcessEntry, type ProcessIdentity } from "./stat.ts";

/** A run of a task: the process that leads it, and all it started. */
export interface Tree {
  leader: ProcessIdentity;
  /** What the cookies of its processes say. */
  run: string;
  /** Start ticks by pid, of who was seen to descend from it; found again though it hides its descent since. */
  known: ReadonlyMap<number, number>;
}

/** A process that an earlier provider has left, and that provider. */
export interface LeftoverEntry {
  process: ProcessEntry;
  provider: string;
}

const INIT = 1;

/** A tree of which nobody but the leader has been seen. */
export function createTree(leader: ProcessIdentity, run: string): Tree {
  return { leader, run, known: new Map() };
}

/** Who lives and is of the tree. Never we ourselves, nor init. */
export function membersOf(entries: readonly ProcessEntry[], tree: Tree, own = process.pid): ProcessEntry[] {
  const isOfLeader = leaderTest(entries, tree.leader);
  const isMember = (entry: ProcessEntry) =>
    isOfLeader(entry) || entry.cookie?.run === tree.run || tree.known.get(entry.pid) === entry.startTicks;
  return [...withDescendants(candidates(entries, own), isMember).keys()];
}

/** The tree with everybody in mind who is of it now. */
export function snapshotTree(tree: Tree, entries: readonly ProcessEntry[], own = process.pid): Tree {
  const members = membersOf(entries, tree, own);
  return { ...tree, known: new Map(members.map(({ pid, startTicks }) => [pid, startTicks])) };
}

/** Who lives and is of a provider that is gone, by its cookie or by the leaders it had. Nobody of another provider. */
export function wardsOf(
  entries: readonly ProcessEntry[],
  { provider, leaders }: { provider: string; leaders: readonly ProcessIdentity[] },
  own = process.pid,
): ProcessEntry[] {
  const tests = leaders.map((leader) => leaderTest(entries, leader));
  const open = candidates(entries, own).filter(({ cookie }) => cookie === undefined || cookie.provider === provider);
  const isWard = (entry: ProcessEntry) => entry.cookie?.provider === provider || tests.some((test) => test(entry));
  return [...withDescendants(open, isWard).keys()];
}

/**
 * Who lives and was left behind by another provider of the context. Never we ourselves, nor those we descend from. Its
 * forwarder only when nobody else is left: until then it may be at the same work.
 */
export function leftoversOf(
  entries: readonly ProcessEntry[],
  { context, provider }: Pick<Cookie, "context" | "provider">,
  own = process.pid,
): LeftoverEntry[] {
  const ancestors = ancestorsOf(entries, own);
  const open = candidates(entries, own).filter(
    ({ pid, cookie }) => !ancestors.has(pid) && cookie?.provider !== provider,
  );
  const found = withDescendants(open, ({ cookie }) => cookie?.context === context);
  const leftovers = [...found].map(([process, root]) => ({ process, provider: root.cookie?.provider ?? "" }));
  const others = leftovers.filter(({ process }) => process.cookie?.run !== FORWARDER_RUN);
  return others.length > 0 ? others : leftovers;
}

/** In place of the start of a process that could not be read. */
export const UNKNOWN_START = 0;

function candidates(entries: readonly ProcessEntry[], own: number): ProcessEntry[] {
  return entries.filter((entry) => isLiving(entry) && entry.pid !== own && entry.pid !== INIT);
}

// When another process has the leader's pid by now, its group and session are that one's. That can't be said where the
// start of the leader could not be read; but a pid is not given away as long as its process, its group or session lives.
function leaderTest(entries: readonly ProcessEntry[], leader: ProcessIdentity): (entry: ProcessEntry) => boolean {
  const holder = entries.find(({ pid }) => pid === leader.pid);
  if (holder !== undefined && leader.startTicks !== UNKNOWN_START && !isSame(holder, leader)) return () => false;
  return ({ pid, group, session }) => [pid, group, session].includes(leader.pid);
}

/** Those that pass the test, and who descends from them; with each the one that passed. */
function withDescendants(
  entries: readonly ProcessEntry[],
  isRoot: (entry: ProcessEntry) => boolean,
): Map<ProcessEntry, ProcessEntry> {
  const children = byParent(entries);
  const found = new Map(entries.filter(isRoot).map((entry) => [entry, entry]));
  // What is added while we go is gone through as well.
  for (const [entry, root] of found) {
    for (const child of children.get(entry.pid) ?? []) if (!found.has(child)) found.set(child, root);
  }
  return found;
}

function byParent(entries: readonly ProcessEntry[]): Map<number, ProcessEntry[]> {
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of entries) {
    const siblings = children.get(entry.ppid);
    if (siblings === undefined) children.set(entry.ppid, [entry]);
    else siblings.push(entry);
  }
  return children;
}

function ancestorsOf(entries: readonly ProcessEntry[], own: number): Set<number> {
  const parents = new Map(entries.map(({ pid, ppid }) => [pid, ppid]));
  const ancestors = new Set<number>();
  for (let pid = parents.get(own); pid !== undefined && !ancestors.has(pid); pid = parents.get(pid)) ancestors.add(pid);
  return ancestors;
}
