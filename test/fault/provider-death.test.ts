// Faults of the provider itself and of what it stands on: F10, F12, F13, F14 and F37 of the catalogue.
import { once } from "node:events";
import { readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { connectContext } from "../../src/context/client/client.ts";
import type { Message } from "../../src/protocol/message.ts";
import { BOUND_MS, PATIENT } from "../support/bound.ts";
import { run } from "../support/command.ts";
import { contextXml, type LogLine, type TaskXml } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { listen } from "../support/link.ts";
import { isLiving, started, untilGone } from "../support/processes.ts";
import {
  fixture,
  leaveNothing,
  livingOf,
  type ProviderProcess,
  runProvider,
  script,
  untilPrinted,
  writeContext,
} from "./support.ts";

leaveNothing();

/** No task here ends before. */
const SHORT = { grace_s: 0.5 };
const START = { words: ["--start", "T1"] };
const LEFTOVERS = "ended what an earlier provider had left behind";
const RESUMED = "resumed what an earlier provider was running when it died";
const byNumber = (one: number, other: number) => one - other;

/** The forwarder of the one provider there is. */
async function findForwarder(): Promise<number> {
  const forwarders = (await started()).filter(({ command }) => command.includes("forwarder"));
  expect(forwarders).toHaveLength(1);
  return forwarders[0]?.pid as number;
}

/** What runs besides the provider, its forwarder, and these. */
async function strangersOf({ pid: provider }: ProviderProcess, known: readonly number[]): Promise<number[]> {
  const others = [provider, await findForwarder(), ...known];
  return (await started()).map(({ pid }) => pid).filter((pid) => !others.includes(pid));
}

/** Has provider and forwarder die at once, so that neither can do anything about the other. */
async function killBoth(provider: ProviderProcess): Promise<void> {
  const forwarder = await findForwarder();
  process.kill(provider.pid, "SIGSTOP");
  process.kill(forwarder, "SIGKILL");
  await provider.die();
  await untilGone(forwarder);
}

const phrasesOf = ({ log }: ProviderProcess) => log.all.map(({ phrase }) => phrase);
const lineOf = ({ log }: ProviderProcess, wanted: string): LogLine | undefined =>
  log.all.find(({ phrase }) => phrase === wanted);

// --- F10 -------------------------------------------------------------------------------------------------------------

/** So many tasks of a kind, and how many pids each of them prints. */
const MIXED: { count: number; processes: number; task(id: string): TaskXml }[] = [
  {
    count: 10,
    processes: 1,
    task: (id) => ({ id, instance: "BlocksItsLoop", supervision: { ...SHORT, heartbeat_s: 0 } }),
  },
  { count: 10, processes: 3, task: (id) => fixture(id, "leaves-a-deaf-grandchild.sh", { supervision: SHORT }) },
  { count: 5, processes: 2, task: (id) => fixture(id, "leaves-a-session.sh", { supervision: SHORT }) },
  { count: 5, processes: 2, task: (id) => fixture(id, "leaves-a-daemon.sh", { supervision: SHORT }) },
  { count: 20, processes: 1, task: (id) => fixture(id, "ignores-sigterm.sh", { supervision: SHORT }) },
];

test("F10: nothing survives a provider that is killed, and the next one runs exactly one copy of each task", async () => {
  const plan = MIXED.flatMap(({ count, ...kind }) => Array.from({ length: count }, () => kind));
  const tasks = plan.map(({ task, processes }, index) => ({ ...task(`ts_${index + 1}`), processes }));
  await using folder = await makeFolder();
  const file = await writeContext(folder, tasks);
  /** Resolves with all processes of the tasks, when they have come so far. */
  const untilAll = async (provider: ProviderProcess) => {
    const pids = await Promise.all(tasks.map(({ id, processes }) => untilPrinted(provider, id, processes)));
    return pids.flat().sort(byNumber);
  };
  const first = await runProvider(file, START);
  const before = await untilAll(first);
  const all = (await started()).map(({ pid }) => pid);

  await first.die();
  await untilGone(...before, ...all);
  await using second = await runProvider(file);
  const after = await untilAll(second);
  const living = await livingOf(after);
  const others = await strangersOf(second, after);

  expect(before).toHaveLength(80);
  expect(after).toHaveLength(80);
  expect(living).toEqual(after);
  expect(others).toEqual([]);
  expect(lineOf(second, RESUMED)).toMatchObject({ transaction: "T1" });
});

test("what had failed when its provider was killed is unhealthy under the next ones, with its reason", async () => {
  await using folder = await makeFolder();
  const file = await writeContext(folder, [script("ts_1", "echo no disk >&2; exit 3")]);
  const first = await runProvider(file, START);
  await first.log.first(({ phrase }) => phrase === "transaction ended");
  await first.die();
  const second = await runProvider(file);
  await second.die();

  await using third = await runProvider(file, { words: ["--http", "127.0.0.1:0"] });
  const { url } = (await third.log.first(({ phrase }) => phrase === "dashboard ready")) as LogLine & { url: string };
  await third.log.first(({ phrase }) => phrase === "provider ready");
  const health = await fetch(new URL("_health", url));
  const state = (await (await fetch(new URL("api/state", url))).json()) as object;
  const asked = await run("conf-command", ["--context_file", file, "--action", "request"]);
  await run("conf-command", ["--context_file", file, "--action", "exit"]);
  await third.exit;
  await using fourth = await runProvider(file);

  const reason = "the process ended with code 3: no disk";
  expect(health.status).toBe(503);
  expect(await health.json()).toEqual({ reasons: [`ts_1 of T1 is failed: ${reason}`] });
  expect(state).toMatchObject({ ended: [{ id: "T1", tasks: [{ state: "failed", reason, lastEnd: { code: 3 } }] }] });
  expect(asked).toMatchObject({
    code: 0,
    stdout: ["transaction T1: ended", expect.anything(), expect.stringContaining(reason)],
  });
  expect(phrasesOf(fourth)).not.toContain("ended under an earlier provider");
});

test("a start that was accepted while its task was being ended is carried out by the next provider", async () => {
  await using folder = await makeFolder();
  const deaf = script("ts_1", "trap '' TERM; echo $$; while :; do sleep 1000; done", {
    supervision: { grace_s: 3_600 },
  });
  const file = await writeContext(folder, [deaf]);
  const first = await runProvider(file, START);
  await untilPrinted(first, "ts_1", 1);
  const command = (action: string) =>
    run("conf-command", ["--context_file", file, "--action", action, "--transaction", "T1", "--no-wait"]);
  const stopped = await command("stop");
  const startedAgain = await command("start");
  await first.die();

  await using second = await runProvider(file);
  await untilPrinted(second, "ts_1", 1);

  expect([stopped.code, startedAgain.code]).toEqual([0, 0]);
  expect(lineOf(second, RESUMED)).toMatchObject({ transaction: "T1", tasks: ["ts_1"] });
  await second.die();
});

test("M2: what was being stopped when its provider was killed is started anew by the next start", async () => {
  await using folder = await makeFolder();
  const deaf = script("ts_1", "trap '' TERM; echo $$; while :; do sleep 1000; done", {
    supervision: { grace_s: 3_600 },
  });
  const file = await writeContext(folder, [deaf]);
  const first = await runProvider(file, START);
  await untilPrinted(first, "ts_1", 1);
  first.signal("SIGTERM");
  await first.log.first(({ phrase }) => phrase === "stopping");
  await first.die();

  await using second = await runProvider(file, START);
  const [pid] = await untilPrinted(second, "ts_1", 1);

  expect(await livingOf([pid as number])).toEqual([pid]);
  expect(phrasesOf(second)).not.toContain(RESUMED);
  await second.die();
});

// --- F12 -------------------------------------------------------------------------------------------------------------

test("F10: what is asked of a halted provider ends when that is killed, however long an answer may take", async () => {
  await using folder = await makeFolder();
  const file = await writeContext(folder, [script("ts_1", "exec sleep 1000")]);
  const provider = await runProvider(file);
  const never = { ...PATIENT, answerMs: 10 * BOUND_MS };
  await using client = await connectContext(provider.endpoints, { ...never, contextFile: file });

  provider.signal("SIGSTOP");
  const asked = client.running().catch((error: unknown) => error);
  await provider.die();

  const message = `the provider (pid ${provider.pid}) is gone`;
  expect(await asked).toMatchObject({ code: "ERR_PROVIDER_GONE", message });
});

describe("F12", () => {
  test("F12: a forwarder that is killed is replaced, and the new one guards the tasks that were there before", async () => {
    // Nothing leads to the second process but the group it is in, and its parent dies with the provider.
    const hidden = `env -i sh -c 'echo $$; exec sleep 1000' & echo $$; wait`;
    await using folder = await makeFolder();
    const file = await writeContext(folder, [
      { id: "ts_1", instance: "AnnouncesWithoutPause" },
      script("ts_2", hidden),
      fixture("ts_3", "leaves-a-daemon.sh", { supervision: SHORT }),
    ]);
    const provider = await runProvider(file, START);
    await using ear = await listen(provider.endpoints, "control");
    const isNews = ({ header }: Message) => header.serviceId === "ts_1" && header.action === "updated";
    const isRunning = ({ phrase, task }: LogLine) => phrase === "running" && task === "ts_1";
    const untilNews = () => ear.heard.first(isNews, { from: ear.heard.all.length, what: "further news of ts_1" });
    const printed = await Promise.all([untilPrinted(provider, "ts_2", 2), untilPrinted(provider, "ts_3", 2)]);
    await untilNews();
    const pids = [Number((await provider.log.first(isRunning)).pid), ...printed.flat()];
    const former = await findForwarder();

    process.kill(former, "SIGKILL");
    const back = await provider.log.first(({ phrase }) => phrase === "forwarder back");
    await untilNews();
    const living = await livingOf(pids);
    await provider.die();
    await untilGone(...pids, Number(back.pid));

    expect(living).toEqual(pids);
    expect(back.pid).not.toBe(former);
  });

  test("F12: a forwarder that is halted is ended and replaced on the same ports, and no task notices", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [fixture("ts_1", "leaves-a-daemon.sh", { supervision: SHORT })]);
    await using provider = await runProvider(file, START);
    const pids = await untilPrinted(provider, "ts_1", 2);
    const former = await findForwarder();

    process.kill(former, "SIGSTOP");
    const back = await provider.log.first(({ phrase }) => phrase === "forwarder back");
    await using client = await connectContext(provider.endpoints, PATIENT);
    const started = await (await client.command({ action: "start", transaction: "T2" })).settled(BOUND_MS);
    const living = await livingOf(pids);

    expect(lineOf(provider, "forwarder does not answer")).toMatchObject({ pid: former, level: "warn" });
    expect(lineOf(provider, "forwarder lost")).toMatchObject({ pid: former, signal: "SIGKILL" });
    expect(back.pid).not.toBe(former);
    expect(started).toMatchObject([{ service_id: "ts_1", lifecycle: "running" }]);
    expect(living).toEqual(pids);
    expect(await isLiving(former)).toBe(false);
    await (await client.command({ action: "stop", transaction: "T2" })).settled(BOUND_MS);
  });

  test("F12: what forwarder and provider leave that are killed at once is swept before anything is started", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [
      fixture("ts_1", "leaves-a-daemon.sh", { supervision: SHORT }),
      fixture("ts_2", "leaves-a-session.sh", { supervision: SHORT }),
      fixture("ts_3", "leaves-a-deaf-grandchild.sh", { supervision: SHORT }),
    ]);
    const untilAll = async (provider: ProviderProcess) => {
      const [daemon, session, grandchild] = await Promise.all([
        untilPrinted(provider, "ts_1", 2),
        untilPrinted(provider, "ts_2", 2),
        untilPrinted(provider, "ts_3", 3),
      ]);
      return [...daemon, ...session, ...grandchild].sort(byNumber);
    };
    const first = await runProvider(file, START);
    await untilAll(first);

    await killBoth(first);
    const left = (await started()).filter(({ command }) => command === "sleep 1000").map(({ pid }) => pid);
    await using second = await runProvider(file);
    const after = await untilAll(second);

    const swept = lineOf(second, LEFTOVERS)?.leftovers as { pid: number }[];
    expect(left.length).toBeGreaterThan(0);
    expect(swept.map(({ pid }) => pid)).toEqual(expect.arrayContaining(left));
    expect(phrasesOf(second).indexOf(LEFTOVERS)).toBeLessThan(phrasesOf(second).indexOf("starting"));
    expect(await livingOf(after)).toEqual(after);
    expect(await strangersOf(second, after)).toEqual([]);
  });
});

// --- F13, F14 --------------------------------------------------------------------------------------------------------

test.each([
  { bind: "FrontBind", peer: "BackendEndpoint" },
  { bind: "BackendBind", peer: "FrontEndEndpoint" },
])("F13: a provider whose $bind is in use names it and starts nothing", async ({ bind, peer }) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const xml = contextXml([script("ts_1", "touch started; exec sleep 1000")]);
  await using folder = await makeFolder({
    "Context-Test.xml": xml.replace(new RegExp(`(<(${bind}|${peer})>)[^<]*`, "g"), `$1${endpoint}`),
  });

  const { code, stderr } = await run("service-context", [folder.at("Context-Test.xml"), "--start", "T1"]);
  server.close();
  await once(server, "close");

  expect(code).toBe(3);
  expect(stderr.join("\n")).toContain(`${endpoint} is in use`);
  expect(await readdir(folder.path)).not.toContain("started");
  expect(await started()).toEqual([]);
});

test("F14: a second provider is refused with the pid of the first, and follows it when that was killed", async () => {
  await using folder = await makeFolder();
  const file = await writeContext(folder, [fixture("ts_1", "ignores-sigterm.sh", { supervision: SHORT })]);
  const first = await runProvider(file, START);
  const before = await untilPrinted(first, "ts_1", 1);

  const refused = await run("service-context", [file, "--start", "T1"]);
  const others = await strangersOf(first, before);
  await first.die();
  await using second = await runProvider(file);
  const pids = await untilPrinted(second, "ts_1", 1);

  expect(refused.code).toBe(3);
  expect(refused.stderr.join("\n")).toContain(`the provider with pid ${first.pid}`);
  expect(others).toEqual([]);
  expect(await livingOf([...before, ...pids])).toEqual(pids);
  expect(await strangersOf(second, pids)).toEqual([]);
});

test("F14: a provider whose folder was moved keeps its journal: a second one in the new place is refused", async () => {
  await using folder = await makeFolder();
  const task = fixture("ts_1", "ignores-sigterm.sh", { supervision: SHORT });
  const file = await folder.write("here/Context-Test.xml", contextXml([task]));
  await using first = await runProvider(file, START);
  const pids = await untilPrinted(first, "ts_1", 1);
  await rename(folder.at("here"), folder.at("there"));

  const refused = await run("service-context", [folder.at("there/Context-Test.xml"), "--start", "T1"]);

  expect(refused.code).toBe(3);
  expect(refused.stderr.join("\n")).toContain(`the provider with pid ${first.pid}`);
  expect(await livingOf(pids)).toEqual(pids);
  expect(await strangersOf(first, pids)).toEqual([]);
});

describe("what a killed provider was running", () => {
  const task = fixture("ts_1", "ignores-sigterm.sh", { supervision: SHORT });

  /** Runs T1 of the file, and has the provider die. */
  async function dieRunning(file: string): Promise<void> {
    const provider = await runProvider(file, START);
    const pids = await untilPrinted(provider, "ts_1", 1);
    await provider.die();
    await untilGone(...pids);
  }

  test("F10: is resumed under any name of its file", async () => {
    await using folder = await makeFolder();
    const file = await folder.write("real/Context-Real.xml", contextXml([task]));
    const link = await folder.write("elsewhere/Context-Link.xml", "");
    await rm(link);
    await symlink(file, link);
    await dieRunning(link);

    await using second = await runProvider(file);

    expect(lineOf(second, RESUMED)).toMatchObject({ transaction: "T1", tasks: ["ts_1"] });
    expect(await readdir(folder.at("real/.zcontext"))).toContain("Context-Real.journal");
    expect(await readdir(folder.at("elsewhere"))).toEqual(["Context-Link.xml"]);
  });

  test("F10: is not resumed by a file that differs in its ending", async () => {
    await using folder = await makeFolder();
    const file = await folder.write("Context-Test.xml", contextXml([task]));
    const other = await folder.write("Context-Test.old", contextXml([task]));
    await dieRunning(file);

    await using another = await runProvider(other);
    await using second = await runProvider(file);

    expect(phrasesOf(another)).not.toContain(RESUMED);
    expect(phrasesOf(second)).toContain(RESUMED);
  });

  test("F10: is forgotten for good, and with a word, where nothing is to be resumed", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [task]);
    await dieRunning(file);

    const second = await runProvider(file, { words: ["--no_resume"] });
    await second.die();
    await using third = await runProvider(file);

    expect(lineOf(second, "not resumed, as told")).toMatchObject({ level: "warn", transaction: "T1", tasks: ["ts_1"] });
    expect(phrasesOf(second)).not.toContain("starting");
    expect(phrasesOf(third)).not.toContain(RESUMED);
  });

  test.each([
    ["another transaction is", ["--start", "T2"], ["T1", "T2"]],
    ["any transaction is", ["--start"], ["T1"]],
  ])("F10: goes on when %s to be started", async (_, words, running) => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [task]);
    await dieRunning(file);

    await using second = await runProvider(file, { words });
    await untilPrinted(second, "ts_1", running.length);
    await using client = await connectContext(second.endpoints, PATIENT);

    expect((await client.running()).toSorted()).toEqual(running);
  });
});

// --- F37 -------------------------------------------------------------------------------------------------------------

const ASIDE = "journal set aside, nothing is resumed";

/** What can happen to a journal, and what is then said of it. */
const DAMAGES: [string, (journal: Buffer) => Buffer, string][] = [
  ["was cut off", (journal) => journal.subarray(0, -20), "has no end"],
  ["has a bit flipped", (journal) => Buffer.from(journal.map(flipOne)), "does not match its checksum"],
  ["is of another version", (journal) => ofVersion(2, journal), "with the version 2"],
];

/** In the midst of the first line. */
function flipOne(byte: number, index: number): number {
  return index === 50 ? byte ^ 4 : byte;
}

/** A whole journal whose head has another version. */
function ofVersion(version: number, journal: Buffer): Buffer {
  const [head = "", ...lines] = journal.toString("latin1").split("\n");
  const json = head.slice(head.indexOf("{")).replace(/("version": ?)\d+/, `$1${version}`);
  return Buffer.from([`${crc32(json).toString(16).padStart(8, "0")} ${json}`, ...lines].join("\n"), "latin1");
}

test.each(DAMAGES)("F37: a journal that %s is set aside, and all but the resuming works", async (_, damage, fault) => {
  await using folder = await makeFolder();
  const file = await writeContext(folder, [fixture("ts_1", "ignores-sigterm.sh", { supervision: SHORT })]);
  const journal = folder.at(".zcontext", "Context-Test.journal");
  const first = await runProvider(file, START);
  const [before] = (await untilPrinted(first, "ts_1", 1)) as [number];
  await first.die();
  await untilGone(before);
  const damaged = damage(await readFile(journal));
  await writeFile(journal, damaged);

  await using second = await runProvider(file);
  await using client = await connectContext(second.endpoints, PATIENT);
  const running = await client.running();
  await (await client.command({ action: "start", transaction: "T2" })).settled(BOUND_MS);
  const pids = await untilPrinted(second, "ts_1", 1);
  const others = await strangersOf(second, pids);
  await (await client.command({ action: "stop", transaction: "T2" })).settled(BOUND_MS);

  const aside = lineOf(second, ASIDE);
  expect(aside?.reason).toContain(fault);
  expect(await readFile(String(aside?.kept))).toEqual(damaged);
  expect(running).toEqual([]);
  expect(others).toEqual([]);
});
