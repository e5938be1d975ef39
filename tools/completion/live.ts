// What only running providers, and what they have kept, know: contexts, tasks and transactions.
import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import { factsIn } from "../../src/context/journal/journal-facts.ts";
import { journalPathOf, stateFilesOf } from "../../src/context/journal/state-files.ts";
import { findRunning, type RunningProvider } from "../../src/presence/search.ts";
import { findTarget, type Target } from "../kept/target.ts";
import type { Candidate, Expected } from "./expected.ts";

/** Everything of the kind, for the context that has been named, or else for all that run. */
export async function liveCandidates(kind: Expected["kind"], given: Expected["given"]): Promise<Candidate[]> {
  if (kind === "context") return (await findRunning()).providers.map(contextOf);
  if (kind !== "task" && kind !== "transaction") return [];
  const targets = await targetsOf(given);
  const found = await Promise.all(targets.map(kind === "task" ? tasksOf : transactionsOf));
  return [...new Map(found.flat().map((candidate) => [candidate.value, candidate])).values()];
}

type Known = Pick<Target, "presence" | "state">;

async function targetsOf(given: Expected["given"]): Promise<Known[]> {
  if (given.context_file !== undefined || given.state_dir !== undefined) return [await findTarget(given)];
  const { providers } = await findRunning();
  return providers.map(({ file, presence }) => ({ presence, state: presence.state ?? stateFilesOf(file, undefined) }));
}

function contextOf({ file, presence: { pid } }: RunningProvider): Candidate {
  const near = relative(process.cwd(), file);
  return { value: near.startsWith("..") ? file : near, description: `runs, pid ${pid}` };
}

async function tasksOf({ presence, state }: Known): Promise<Candidate[]> {
  const ids = presence?.tasks?.map(({ id }) => id) ?? (await movesIn(state)).map(({ task }) => task);
  return ids.map((value) => ({ value, description: "" }));
}

async function transactionsOf({ state }: Known): Promise<Candidate[]> {
  return (await movesIn(state)).map(({ transaction }) => ({ value: transaction, description: "" }));
}

/** Steps of tasks that the present journal knows. */
async function movesIn(state: Target["state"]): Promise<{ task: string; transaction: string }[]> {
  const text = await readFile(journalPathOf(state), "latin1").catch(() => "");
  return factsIn(text).flatMap((fact) => (fact.kind === "moved" ? [fact] : []));
}
