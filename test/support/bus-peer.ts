// A member of a broker in Python, and the broker of a context for it and for members in TypeScript.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Broker, holdBroker } from "../../src/companions/broker.ts";
import { startForwarder } from "../../src/companions/forwarder.ts";
import { EventBus } from "../../src/messaging/event-bus.ts";
import type { SignalTotals } from "../../src/protocol/bus-figures.ts";
import type { Endpoints } from "../../src/protocol/endpoints.ts";
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import { BOUND_MS } from "./bound.ts";
import { makeFolder } from "./folder.ts";
import { ANY_PORT } from "./link.ts";
import { awaitEvents, type Recording } from "./recording.ts";

/** What the peer prints. */
export interface Line {
  did?: string;
  result?: Json;
  error?: JsonObject;
  heard?: JsonObject;
  taken?: string;
  given_up?: string;
  signal?: JsonObject;
}

export interface Peer extends AsyncDisposable {
  readonly lines: Recording<Line>;
  /** Does something and resolves with what comes of it. */
  do(order: JsonObject & { do: string }): Promise<Line>;
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
}

export interface BusOfTest extends AsyncDisposable {
  /** Of the broker's process. */
  pid(): number;
  /** What the broker last told its provider of signals. */
  signals(): readonly SignalTotals[];
  /** What happens to that process, a word each: `started`, `silent`, `lost`, `back`, and what it says for the log. */
  readonly events: Recording<string>;
  /** Kills the broker's process, and resolves when the next one is there. */
  killBroker(): Promise<void>;
  /** Starts `bus-member.mjs`. */
  startMember(...words: string[]): Member;
  /** The same with any program of `test/fixtures`. */
  startProgram(name: string, ...words: string[]): Member;
  connect(service: string): Promise<EventBus>;
  startPeer(): Promise<Peer>;
  /** Of the forwarder. */
  readonly endpoints: Endpoints;
  /** The folder of its store, made if need be. */
  storeFolder(): Promise<string>;
  /** The files of its claim checks. */
  claims(): Promise<string[]>;
}

/** A program that is a member, and that tests may kill. */
export interface Member extends AsyncDisposable {
  readonly pid: number;
  readonly said: Recording<Json>;
  /** Resolves with how it has ended. */
  readonly exited: Promise<number | NodeJS.Signals>;
  signal(signal: NodeJS.Signals): void;
}

const FIXTURES = new URL("../fixtures/", import.meta.url);
const SCRIPT = fileURLToPath(new URL("bus-peer.py", import.meta.url));
/** The folder of `zcontext.py`. */
export const PYTHON_FOLDER = fileURLToPath(new URL("../../python", import.meta.url));

/** Holds a broker for the members of one test, which are closed before it. */
export async function openBus(): Promise<BusOfTest> {
  const folder = await makeFolder();
  const forwarder = await startForwarder(ANY_PORT);
  const endpoints = forwarder.bound;
  const events = awaitEvents<string>("what happens to the broker", (event) => event);
  const broker = await holdBroker(
    {
      ...{ runFolder: folder.at("run"), storeFolder: folder.at("store"), durability: "file", endpoints },
      cookie: { context: "0".repeat(32), provider: "test" },
    },
    {
      onStarted: () => events.add("started"),
      onSilent: () => events.add("silent"),
      onLost: () => events.add("lost"),
      onBack: () => events.add("back"),
      onNote: ({ phrase }) => events.add(phrase),
    },
  );
  const { url, token } = broker;
  const members: AsyncDisposable[] = [];

  function startProgram(name: string, ...words: string[]): Member {
    const member = startMember(fileURLToPath(new URL(name, FIXTURES)), { url, token }, words);
    members.push(member);
    return member;
  }

  return {
    endpoints,
    pid: () => broker.pid ?? 0,
    signals: () => broker.state?.figures?.signals ?? [],
    events,
    async killBroker() {
      const from = events.all.length;
      process.kill(broker.pid ?? 0, "SIGKILL");
      await events.first((event) => event === "back", { from, what: "the next broker" });
    },
    startMember: (...words) => startProgram("bus-member.mjs", ...words),
    startProgram,
    async connect(service) {
      const bus = await EventBus.connect({
        url,
        token,
        src: `test/${service}/ts1`,
        timeoutMs: BOUND_MS,
        another: true,
      });
      members.push(bus);
      return bus;
    },
    async startPeer() {
      const peer = await startPeer(url, token);
      members.push(peer);
      return peer;
    },
    async storeFolder() {
      await mkdir(folder.at("store"), { recursive: true });
      return folder.at("store");
    },
    claims: () => readdir(folder.at("store/claims")).catch(() => []),
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => member[Symbol.asyncDispose]()));
      await broker[Symbol.asyncDispose]();
      await forwarder[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Starts a program with an engine in its environment. */
export function startMember(
  file: string,
  { url, token }: Pick<Broker, "url" | "token">,
  words: readonly string[],
): Member {
  const child = spawn(process.execPath, [file, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ZCONTEXT_BUS_URL: url, ZCONTEXT_BUS_TOKEN: token },
  });
  const exited = once(child, "exit").then(([code, signal]: (number | NodeJS.Signals)[]) => code ?? signal);
  const said = awaitEvents<Json>(`what member ${words.join(" ")} says`, (line) => JSON.stringify(line));
  createInterface({ input: child.stdout })
    .on("line", (line) => said.add(JSON.parse(line)))
    .on("close", said.end);
  return {
    pid: child.pid as number,
    said,
    exited: exited as Promise<number | NodeJS.Signals>,
    signal: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

export async function startPeer(url: string, token: string): Promise<Peer> {
  const child = spawn("python3", [SCRIPT, url, token], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, PYTHONPATH: PYTHON_FOLDER },
  });
  const exited = once(child, "exit");
  const lines = awaitEvents<Line>("what the peer in Python says", (line) => JSON.stringify(line).slice(0, 500));
  createInterface({ input: child.stdout })
    .on("line", (line) => lines.add(JSON.parse(line)))
    .on("close", lines.end);
  await lines.first(({ did }) => did === "connect");
  let orders = 0;

  return {
    lines,
    async do(order) {
      orders += 1;
      const name = `${order.do} ${orders}`;
      child.stdin.write(`${JSON.stringify({ ...order, as: name })}\n`);
      return lines.first(({ did }) => did === name, { what: name });
    },
    signal: (signal) => void child.kill(signal),
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exited;
    },
  };
}
