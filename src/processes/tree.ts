// Decides from a reading of the process table which processes belong to a run of a task, and which to a provider that is
// gone. Pure.
import type { Cookie } from "./cookie.ts";
import { FORWARDER_RUN } from "./cookie.ts";
import { isLiving, isSame, type ProcessEntry, type ProcessIdentity } from "./stat.ts";

/** The processes of a run: the one that leads it, and its descendants. */
export interface Tree {
  leader: ProcessIdentity;
  /** The run in the cookies of its processes. */
  run: string;
  /** Members seen so far, as start ticks by pid: they stay members when they lose the parent that led to them. */
  known: ReadonlyMap<number, number>;
}

/** A process that another provider has left, and that provider. */
export interface LeftoverEntry {
  process: ProcessEntry;
  provider: string;
}

const INIT = 1;

/** A tree of which only the leader is known. */
export function createTree(leader: ProcessIdentity, run: string): Tree {
  return { leader, run, known: new Map() };
}

/** The living members of a tree. Never this process itself, nor init. */
export function membersOf(entries: readonly ProcessEntry[], tree: Tree, own = process.pid): ProcessEntry[] {
  const isOfLeader = leaderTest(entries, tree.leader);
  const isMember = (entry: ProcessEntry) =>
    isOfLeader(entry) || entry.cookie?.run === tree.run || tree.known.get(entry.pid) === entry.startTicks;
  return [...withDescendants(candidates(entries, own), isMember).keys()];
}

/** The tree with its present members remembered. */
export function snapshotTree(tree: Tree, entries: readonly ProcessEntry[], own = process.pid): Tree {
  const members = membersOf(entries, tree, own);
  return { ...tree, known: new Map(members.map(({ pid, startTicks }) => [pid, startTicks])) };
}

/**
 * The living processes of a dead provider: those with its cookie, those of its leaders, and their descendants. Never one that
 * carries the cookie of another provider.
 */
export function processesOfProvider(
  entries: readonly ProcessEntry[],
  { provider, leaders }: { provider: string; leaders: readonly ProcessIdentity[] },
  own = process.pid,
): ProcessEntry[] {
  const tests = leaders.map((leader) => leaderTest(entries, leader));
  const open = candidates(entries, own).filter(({ cookie }) => cookie === undefined || cookie.provider === provider);
  const isRoot = (entry: ProcessEntry) => entry.cookie?.provider === provider || tests.some((test) => test(entry));
  return [...withDescendants(open, isRoot).keys()];
}

/**
 * The living processes that another provider of the context has left. Never this process itself, nor its ancestors. The
 * forwarder of that provider only when nothing else is left: until then its guard may be sweeping the same processes.
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

/** Stands for the start ticks of a process whose stat could not be read. */
export const UNKNOWN_START = 0;

function candidates(entries: readonly ProcessEntry[], own: number): ProcessEntry[] {
  return entries.filter((entry) => isLiving(entry) && entry.pid !== own && entry.pid !== INIT);
}

// When another process has got the leader's pid, the group and session of that number are not the leader's any more. Where
// the leader's start is unknown this can't be checked, but the system does not reuse a pid while a process, a group or a
// session of that number exists.
function leaderTest(entries: readonly ProcessEntry[], leader: ProcessIdentity): (entry: ProcessEntry) => boolean {
  const holder = entries.find(({ pid }) => pid === leader.pid);
  if (holder !== undefined && leader.startTicks !== UNKNOWN_START && !isSame(holder, leader)) return () => false;
  return ({ pid, group, session }) => [pid, group, session].includes(leader.pid);
}

/** The processes that pass the test and their descendants, each with the root that led to it. */
function withDescendants(
  entries: readonly ProcessEntry[],
  isRoot: (entry: ProcessEntry) => boolean,
): Map<ProcessEntry, ProcessEntry> {
  const children = byParent(entries);
  const found = new Map(entries.filter(isRoot).map((entry) => [entry, entry]));
  // A Map's iterator also visits the entries added during the loop.
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
