// Looks at the machine, and at what a context file needs of it.
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { basename, dirname, resolve } from "node:path";
import type { ContextConfig } from "../../src/config/context-config.ts";
import { stateFilesOf } from "../../src/context/journal/state-files.ts";
import { reasonOf } from "../../src/errors.ts";
import { readLimits } from "../../src/launch/environment/descriptors.ts";
import { narrowToLoopback } from "../../src/link/exposure.ts";
import { openRunFolder } from "../../src/presence/run-folder.ts";
import { findPresence } from "../../src/presence/search.ts";
import { readBusUrl } from "../../src/protocol/bus-address.ts";
import { hostOf } from "../../src/protocol/endpoints.ts";
import { MIB_BYTES } from "../../src/units.ts";
import { runToEnd } from "../programs.ts";
import { initProblem } from "../service-context/init.ts";
import type { ContextFacts, MachineFacts } from "./judge.ts";

/** How long a program may take that is tried out, in milliseconds. */
const TRIAL_MS = 10_000;
const ALL_PEERS = ["@nats-io/transport-node", "@nats-io/jetstream", "amqplib", "@redis/client", "kafkajs"];
/** Each is tried with words that end at once. */
const TRIALS: readonly (readonly [program: string, ...words: string[]])[] = [
  ["setpriv", "--pdeathsig", "KILL", "--", "true"],
  ["prlimit", "--version"],
  ["nice", "--version"],
  ["mkfifo", "--version"],
];
const OOM_COUNTS = ["/sys/fs/cgroup/memory.events", "/proc/vmstat"];
const CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

export async function lookAtMachine(): Promise<MachineFacts> {
  const [programs, python, zeromq, lmdb, runFolder] = await Promise.all([
    findPrograms(),
    findPython(),
    faultOf(() => import("../../src/link/publisher.ts")),
    faultOf(() => import("../../src/messaging/engines/zeromq/lmdb-store.ts")),
    openRunFolder().catch(() => undefined),
  ]);
  const [, hard = ""] = /^Max open files\s+\S+\s+(\S+)/m.exec(readLimits()) ?? [];
  const clock = readOrNone(CLOCK)?.trim();
  return {
    node: process.versions.node,
    hasProc: existsSync("/proc/self/stat"),
    programs,
    initProblem: initProblem(),
    libraries: new Map([
      ["zeromq", zeromq],
      ["lmdb", lmdb],
    ]),
    filesMax: /^\d+$/.test(hard) ? Number(hard) : undefined,
    runFolder,
    countsOom: OOM_COUNTS.some((path) => /^oom_kill /m.test(readOrNone(path) ?? "")),
    python,
    peers: new Set(ALL_PEERS.filter(isInstalled)),
    clock,
  };
}

export async function lookAtContext(
  file: string,
  { config, stateDir }: { config: ContextConfig; stateDir: string | undefined },
): Promise<ContextFacts> {
  const isRunning = (await findPresence(file).catch(() => undefined)) !== undefined;
  const { folder } = stateFilesOf(file, stateDir);
  const { binds } = narrowToLoopback(config);
  const faults = isRunning ? [] : await Promise.all([binds.publish, binds.subscribe].map(faultOfPort));
  const { url } = config.messaging;
  return {
    file,
    tasks: config.tasks.length,
    usesPython: config.tasks.some(({ command }) => /^python/.test(basename(command?.program ?? ""))),
    engine: url === undefined ? "zeromq" : readBusUrl(url).engine,
    stateFault: faultOfFolder(folder),
    stateFolder: folder,
    freeMib: await freeMibOf(nearestFolder(folder)),
    logsMib: config.logs.totalMib,
    portFaults: faults.filter((fault) => fault !== undefined),
    isRunning,
  };
}

async function findPrograms(): Promise<ReadonlySet<string>> {
  const found = TRIALS.map(async ([program, ...words]) => {
    const { code, isMissing } = await runToEnd(program, words, { timeoutMs: TRIAL_MS });
    // Those of Busybox know no --version.
    return code === 0 || (program !== "setpriv" && !isMissing) ? [program] : [];
  });
  return new Set((await Promise.all(found)).flat());
}

async function findPython(): Promise<MachineFacts["python"]> {
  const script = "import sys; print(sys.version.split()[0]); import zmq";
  const { code, stdout } = await runToEnd("python3", ["-c", script], { timeoutMs: TRIAL_MS });
  const version = stdout.trim();
  return version === "" ? undefined : { version, hasZmq: code === 0 };
}

async function faultOf(load: () => Promise<unknown>): Promise<string | undefined> {
  return load().then(
    () => undefined,
    (error: unknown) => reasonOf(error).split("\n")[0],
  );
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

function readOrNone(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Why an address can't be bound now; a port that the system chooses always can. */
async function faultOfPort(address: string): Promise<string | undefined> {
  const port = Number(/:(\d+)$/.exec(address)?.[1] ?? 0);
  const server = createServer();
  try {
    await new Promise<void>((bound, failed) => {
      server.once("error", failed).listen({ host: hostOf(address).replace(/^\[(.*)\]$/, "$1"), port }, bound);
    });
    return undefined;
  } catch (error) {
    return `${address}: ${reasonOf(error)}`;
  } finally {
    server.close();
  }
}

function faultOfFolder(folder: string): string | undefined {
  try {
    accessSync(nearestFolder(folder), constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** The folder, or the one above it that is there. */
function nearestFolder(folder: string): string {
  const path = resolve(folder);
  return existsSync(path) || path === dirname(path) ? path : nearestFolder(dirname(path));
}

async function freeMibOf(folder: string): Promise<number | undefined> {
  const found = await statfs(folder).catch(() => undefined);
  return found === undefined ? undefined : Math.floor((found.bavail * found.bsize) / MIB_BYTES);
}
