// Many tasks, and many runs of one: F28 and F29 of the catalogue. What the provider has left over is seen from outside:
// its descriptors, its children that were not waited for, its files; and from inside: what keeps its loop busy.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type ContextClient, connectContext } from "../../src/context/client/client.ts";
import { PATIENT } from "../support/bound.ts";
import { contextXml, type TaskXml } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { type ProviderProcess, startProvider } from "../support/provider.ts";
import {
  MOST_SPARE_PIPES,
  openDescriptors,
  program,
  SPARE_PIPE,
  sparePipesOf,
  until,
  untilNoMoreThan,
} from "./support.ts";

leaveNoProcess();

const HOLDS = fileURLToPath(new URL("../fixtures/says-what-it-holds.cjs", import.meta.url));
const MANY = 500;
/** Those that start once more, after all have run. */
const AGAIN = 25;
/** Enough to show what each of them leaves; `bench/supervision.mjs` has a thousand, and tells the figures. */
const RESTARTS = 300;
/** Ends a test that has failed; nothing waits for it. */
const BOUND_MS = 600_000;
/** The provider itself, and its forwarder. */
const OWN_PROCESSES = 2;
/** The journal and its forerunner, each begun anew at 1 MiB. */
const MOST_JOURNAL_BYTES = 3 * 2 ** 20;
/** More than this would be kept for good: a few KiB of each run. */
const MOST_HEAP_BYTES = 8 * 2 ** 20;
/** What one run needs while it begins or ends: its pipes, and what is read of the process table. */
const DESCRIPTORS_OF_A_RUN = 16;

beforeEach(() => {
  vi.stubEnv("NODE_OPTIONS", `--require "${HOLDS}"`);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** Runs the built command on a file of these tasks. */
async function run(tasks: readonly TaskXml[]): Promise<ProviderProcess> {
  await using folder = await makeFolder();
  return await startProvider(await folder.write("Context-Test.xml", contextXml(tasks)));
}

interface Held {
  descriptors: readonly string[];
  /** What keeps the provider's loop busy, by kind, and how many listen to its process. */
  counts: { [kind: string]: number };
  heapBytes: number;
}

async function heldBy({ pid, signal, log }: ProviderProcess): Promise<Held> {
  const from = log.all.length;
  signal("SIGUSR2");
  const said = await log.first(({ msg }) => msg === "held", { from });
  const { resources, listeners, heapBytes } = said as unknown as {
    resources: { [kind: string]: number };
    listeners: number;
    heapBytes: number;
  };
  return { descriptors: openDescriptors(pid), counts: { ...resources, listeners }, heapBytes };
}

/** Resolves when the provider holds no more than this: figures of processes that have gone grow old first, and are dropped then. */
async function untilItHolds(provider: ProviderProcess, before: Held): Promise<void> {
  await untilNoMoreThan(before.descriptors, provider.pid, SPARE_PIPE);
  await until("a provider at rest", async () => {
    const { counts, heapBytes } = await heldBy(provider);
    const isAtRest = Object.entries(counts).every(([kind, count]) => count <= (before.counts[kind] ?? 0));
    return isAtRest && heapBytes <= before.heapBytes + MOST_HEAP_BYTES;
  });
  expect(zombiesOf(provider)).toEqual([]);
  expect(sparePipesOf(provider.pid)).toBeLessThanOrEqual(MOST_SPARE_PIPES);
}

/** Children that have ended and were not waited for. */
function zombiesOf({ pid }: ProviderProcess): string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(statOf)
    .filter((stat) => stat.endsWith(`Z ${pid}`));
}

/** `<pid> <state> <parent>` */
function statOf(pid: string): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return `${pid} ${state} ${parent}`;
  } catch {
    return ""; // gone while we looked
  }
}

/** What the provider keeps beside its context file, and how long that is in all. */
function filesOf({ file }: ProviderProcess): { names: string[]; bytes: number } {
  const folder = join(dirname(file), ".zcontext");
  const names = readdirSync(folder).sort();
  return { names, bytes: names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0) };
}

function expectOnlyShortJournal(provider: ProviderProcess): void {
  const { names, bytes } = filesOf(provider);
  const usual = ["journal", "journal.1", "lock", "logs"].map((ending) => `Context-Test.${ending}`);
  expect(usual).toEqual(expect.arrayContaining(names));
  expect(bytes).toBeLessThan(MOST_JOURNAL_BYTES);
}

/** Lines that are none of its log: what the runtime warns of, or a crash. */
function rawLinesOf({ log }: ProviderProcess): string[] {
  return log.all.filter(({ level }) => level === "raw").map(({ msg }) => msg);
}

async function settle(
  client: ContextClient,
  action: "start" | "stop",
  transaction: string,
  ids: readonly string[] = [],
): Promise<string[]> {
  const configuration = ids.length === 0 ? {} : { TaskService: ids.map((id) => ({ id })) };
  const tasks = await (await client.command({ action, transaction, configuration })).settled(BOUND_MS);
  return tasks.map(({ lifecycle }) => lifecycle);
}

describe("F28", () => {
  test(
    `${MANY} tasks start, answer for themselves and stop, some of them twice, and leave nothing`,
    async () => {
      const tasks = Array.from({ length: MANY }, (_, index) =>
        // On a busy machine the ends of so many are heard late, and none of them is to be killed meanwhile.
        program(`ts_${index + 1}`, "sleep 100000", { readyAfterS: 0.1, supervision: { grace_s: 600 } }),
      );
      await using provider = await run(tasks);
      await using client = await connectContext(provider.endpoints, PATIENT);
      const before = await heldBy(provider);

      for (const [transaction, ids] of [
        ["T1", tasks.map(({ id }) => id)],
        ["T2", tasks.slice(-AGAIN).map(({ id }) => id)],
      ] as const) {
        const all = (state: string) => ids.map(() => state);

        expect(await settle(client, "start", transaction, ids)).toEqual(all("running"));
        expect(provider.processes()).toHaveLength(ids.length + OWN_PROCESSES);
        expect((await client.state(transaction)).map(({ lifecycle }) => lifecycle)).toEqual(all("running"));

        expect(await settle(client, "stop", transaction)).toEqual(all("stopped"));
        expect(provider.processes()).toHaveLength(OWN_PROCESSES);
      }

      await untilItHolds(provider, before);
      expectOnlyShortJournal(provider);
      expect(rawLinesOf(provider)).toEqual([]);
      expect(provider.log.all.filter(({ level }) => level !== "info")).toEqual([]);
    },
    BOUND_MS,
  );
});

describe("F29", () => {
  test(
    `${RESTARTS} restarts of one task leave nothing, and its journal short`,
    async () => {
      const again = {
        restart: "always",
        max_restarts: RESTARTS,
        backoff_min_s: 0.01,
        backoff_max_s: 0.01,
        period_s: 3_600,
      };
      await using provider = await run([program("ts_1", "true", { supervision: again })]);
      await using client = await connectContext(provider.endpoints, PATIENT);
      const before = await heldBy(provider);

      await client.command({ action: "start", transaction: "T1" });
      const mostOpen = await mostOpenUntilFailed(provider);

      const begun = provider.log.all.filter(({ msg }) => msg === "starting");
      expect(begun).toHaveLength(1 + RESTARTS);
      expect(mostOpen).toBeLessThanOrEqual(before.descriptors.length + DESCRIPTORS_OF_A_RUN + MOST_SPARE_PIPES);
      await untilItHolds(provider, before);
      expectOnlyShortJournal(provider);
      expect(rawLinesOf(provider)).toEqual([]);
    },
    BOUND_MS,
  );
});

/** The most descriptors that were open at any look, of which there is one every few runs, until the task has failed. */
async function mostOpenUntilFailed({ log, pid }: ProviderProcess): Promise<number> {
  const isFailed = () => log.all.some(({ msg }) => msg === "failed");
  let most = 0;
  for (let from = 0; !isFailed(); from = log.all.length) {
    most = Math.max(most, openDescriptors(pid).length);
    await log.first(({ msg }) => msg === "starting" || msg === "failed", { from });
  }
  return most;
}
