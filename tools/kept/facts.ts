// Reads what is kept of what has happened in a context: from its logs, and from the journals of its present and its former
// provider, which know the last steps even where no logs are kept.
import { readFile } from "node:fs/promises";
import { factsIn } from "../../src/context/journal/journal-facts.ts";
import { formerPathOf, journalPathOf, logsFolderOf, type StateFiles } from "../../src/context/journal/state-files.ts";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { type Fact, mergeFacts, readFact } from "../../src/explain/facts.ts";
import { EVENTS_CHANNEL } from "../../src/logs/files.ts";
import { snapshotOf } from "../../src/logs/folder.ts";
import { readChannel } from "../../src/logs/reader.ts";
import { say } from "../print.ts";

/**
 * All that is known, the oldest first.
 *
 * @throws {ZcontextError} `ERR_CONFIG_UNREADABLE` where nothing is.
 */
export async function readFacts(state: StateFiles): Promise<Fact[]> {
  const journal = journalPathOf(state);
  const journals = [formerPathOf(journal), journal].map(journalFacts);
  const facts = mergeFacts(await loggedFacts(logsFolderOf(state)), ...(await Promise.all(journals)));
  if (facts.length > 0) return facts;
  throw new ZcontextError("ERR_CONFIG_UNREADABLE", `nothing is known of ${state.name} in ${state.folder}`, {
    hint: "No provider of it has run, or it was started with --state-dir: name that folder.",
  });
}

async function loggedFacts(folder: string): Promise<Fact[]> {
  const facts: Fact[] = [];
  const onFault = (file: string, error: unknown) => say(`warning: ${folder}/${file} can't be read: ${reasonOf(error)}`);
  try {
    const events = (await snapshotOf(folder)).find(({ channel }) => channel === EVENTS_CHANNEL);
    for await (const fact of readChannel(folder, events?.files ?? [], readFact, { onFault })) facts.push(fact);
  } catch (error) {
    say(`warning: ${folder} can't be read: ${reasonOf(error)}`);
  }
  return facts;
}

async function journalFacts(path: string): Promise<Fact[]> {
  try {
    return factsIn(await readFile(path, "latin1"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") say(`warning: ${path} can't be read: ${reasonOf(error)}`);
    return [];
  }
}
