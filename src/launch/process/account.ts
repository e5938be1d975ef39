// Finds the user and the group that a task runs as, and says why it can't be run as these. Read before every spawn.
import { readFile } from "node:fs/promises";
import type { Supervision } from "../../config/context-config.ts";
import { ZcontextError } from "../../errors.ts";
import { runForText } from "./system-program.ts";

/** Who a process is to run as. */
export interface Account {
  /** Undefined where only the group is another one. */
  uid?: number | undefined;
  gid: number;
  /** Whether it has the further groups of its user, which the system then knows by name; else it has none. */
  hasUserGroups: boolean;
}

/** An account, and the variables by which programs know whose they are. */
export interface FoundAccount {
  account?: Account;
  environment: Readonly<Record<string, string>>;
}

/** Who the provider itself runs as. */
export interface OwnIds {
  uid: number;
  gid: number;
}

/** Answers the line of a user or a group in the databases of the system; undefined where there is none. */
export type FindEntry = (database: "passwd" | "group", key: string) => Promise<string | undefined>;

/**
 * Finds who a task runs as.
 *
 * @throws {ZcontextError} `ERR_ENVIRONMENT_INVALID` where the user or the group does not exist, or the provider may not start
 *   processes as these.
 */
export async function findAccount(
  { user, group }: Pick<Supervision, "user" | "group">,
  { own = ownIds(), find = findEntry }: { own?: OwnIds; find?: FindEntry } = {},
): Promise<FoundAccount> {
  if (user === undefined && group === undefined) return { environment: {} };
  const found = user === undefined ? undefined : await findUser(user, find);
  const gid = group === undefined ? found?.gid : await findGroup(group, find);
  const wanted = { uid: found?.uid ?? own.uid, gid: gid ?? own.gid };
  if (wanted.uid === own.uid && wanted.gid === own.gid) return { environment: {} };
  if (own.uid !== 0)
    throw invalid(
      `${namesOf({ user, group })}: only root can start a task as another one, and the provider runs as uid ${own.uid}`,
    );
  return {
    account: { uid: found?.uid, gid: wanted.gid, hasUserGroups: found?.environment !== undefined },
    environment: found?.environment ?? {},
  };
}

interface FoundUser extends OwnIds {
  /** Undefined for a number that no user has. */
  environment?: Record<string, string>;
}

async function findUser(user: string, find: FindEntry): Promise<FoundUser> {
  const line = await find("passwd", user);
  if (line === undefined) {
    if (isNumber(user)) return { uid: Number(user), gid: Number(user) };
    throw invalid(`user ${user}: there is no such user on this machine`);
  }
  const [name = "", , uid, gid, , home = "/", shell = ""] = line.split(":");
  const environment = { USER: name, LOGNAME: name, HOME: home || "/", ...(shell !== "" && { SHELL: shell }) };
  return { uid: Number(uid), gid: Number(gid), environment };
}

async function findGroup(group: string, find: FindEntry): Promise<number> {
  const line = await find("group", group);
  if (line !== undefined) return Number(line.split(":")[2]);
  if (isNumber(group)) return Number(group);
  throw invalid(`group ${group}: there is no such group on this machine`);
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function namesOf({ user, group }: { user: string | undefined; group: string | undefined }): string {
  return [user === undefined ? [] : `user ${user}`, group === undefined ? [] : `group ${group}`].flat().join(", ");
}

function invalid(reason: string): ZcontextError {
  return new ZcontextError("ERR_ENVIRONMENT_INVALID", reason);
}

function ownIds(): OwnIds {
  // Systems without them have no setpriv either.
  return { uid: process.geteuid?.() ?? -1, gid: process.getegid?.() ?? -1 };
}

// The files first: that takes no process. Users of a directory service are known to `getent` alone.
async function findEntry(database: "passwd" | "group", key: string): Promise<string | undefined> {
  const text = await readFile(`/etc/${database}`, "utf8").catch(() => "");
  const local = text.split("\n").find((line) => {
    const [name, , id] = line.split(":");
    return name === key || (isNumber(key) && id === key);
  });
  return local ?? (await runForText("getent", [database, key]))?.split("\n")[0];
}

/** The words for `setpriv` that make a process run as an account. */
export function privilegeWords({ uid, gid, hasUserGroups }: Account): string[] {
  const user = uid === undefined ? [] : ["--reuid", `${uid}`];
  return [...user, "--regid", `${gid}`, uid !== undefined && hasUserGroups ? "--init-groups" : "--clear-groups"];
}
