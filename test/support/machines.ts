// Machines for a test: two hosts, and a third one for a server, whose links can be cut. They are network namespaces on a switch
// of their own, as docs/scale-out.md makes them; or, where this system refuses namespaces, addresses of the loopback, each with
// a relay to the server. A link that is cut drops what is sent, and tells nobody.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { type RunningCommand, startProgram } from "./command.ts";
import { marked, untilGone } from "./processes.ts";
import { blocksOf, readDocument } from "./readme.ts";
import { type Relay, startRelay } from "./relay.ts";

/** Where a server of a test runs. */
export interface ServerPlace {
  /** The address that it listens on. */
  host: string;
  /** Words before its own that put it there. */
  through: readonly string[];
}

export const HERE: ServerPlace = { host: "127.0.0.1", through: [] };

export interface Machine {
  readonly name: string;
  /** The server's host and port, as seen from here. */
  serverFrom(port: number): Promise<string>;
  /** Starts a program here. It is ended at the end of the test, if that does not kill it. */
  start(words: readonly [string, ...string[]], env?: NodeJS.ProcessEnv): RunningCommand;
  cut(): Promise<void>;
  heal(): Promise<void>;
  /** Ends every process here, at once. */
  die(): Promise<void>;
}

export interface Machines extends AsyncDisposable {
  readonly server: ServerPlace;
  readonly east: Machine;
  readonly west: Machine;
}

export const KINDS = ["namespaces", "loopback addresses"] as const;
export type Kind = (typeof KINDS)[number];

/** Stands in the environment of all that runs on a machine. */
const MARK = "ZCONTEXT_TEST_MACHINE";
const LOCAL = { east: "127.0.0.2", west: "127.0.0.3" };

const scripts = blocksOf(readDocument("docs/scale-out.md"))
  .filter(({ section, language }) => section === "Two machines, tried on one" && language === "sh")
  .map(({ lines }) => lines.join("\n"));

function scriptWith(words: string): string {
  const script = scripts.find((text) => text.includes(words));
  if (script === undefined) throw new Error(`docs/scale-out.md has no commands with ${words}`);
  return script;
}

/** Why this system has no namespaces for us; undefined where it has. */
export function namespaceRefusal(): string | undefined {
  const name = `zc${randomBytes(4).toString("hex")}-try`;
  const { status, stderr, error } = spawnSync("ip", ["netns", "add", name], { encoding: "utf8" });
  if (status !== 0) return error?.message ?? stderr.trim();
  spawnSync("ip", ["netns", "delete", name]);
  return undefined;
}

export function startMachines(kind: Kind): Promise<Machines> {
  return kind === "namespaces" ? startNamespaces() : startAddresses();
}

function shell(script: string): void {
  const { status, stderr } = spawnSync("sh", ["-euc", script], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${script}\n${stderr}`);
}

function newNetwork(): string {
  return `zc${randomBytes(4).toString("hex")}`;
}

export interface Namespaces extends Machines {
  /** The commands of docs/scale-out.md in which these words stand, with the names of these namespaces. */
  commandsWith(words: string): string;
}

export async function startNamespaces(): Promise<Namespaces> {
  const network = newNetwork();
  const commandsWith = (words: string) => scriptWith(words).replaceAll("zc-", `${network}-`);
  const remove = () => shell(commandsWith("netns delete").replace(/^rm .*/m, ""));
  try {
    shell(commandsWith("netns add"));
  } catch (error) {
    remove();
    throw error;
  }
  const machine = (name: "east" | "west"): Machine => {
    const onLink = (words: string) => async () => shell(commandsWith(words).replace("west", name));
    return {
      ...{ name, ...programs(network, name, ["ip", "netns", "exec", `${network}-${name}`]) },
      serverFrom: async (port) => `10.9.0.1:${port}`,
      cut: onLink("west down"),
      heal: onLink("west up"),
    };
  };
  const [east, west] = [machine("east"), machine("west")];
  return {
    ...{ east, west, commandsWith },
    server: { host: "10.9.0.1", through: ["ip", "netns", "exec", `${network}-server`] },
    async [Symbol.asyncDispose]() {
      await Promise.all([east.die(), west.die()]);
      remove();
    },
  };
}

async function startAddresses(): Promise<Machines> {
  const network = newNetwork();
  const relays: Relay[] = [];
  const machine = (name: "east" | "west"): Machine => {
    let relay: Relay | undefined;
    return {
      ...{ name, ...programs(network, name, []) },
      async serverFrom(port) {
        relay ??= await startRelay(`tcp://127.0.0.1:${port}`, LOCAL[name]);
        relays.push(relay);
        return relay.endpoint.replace("tcp://", "");
      },
      cut: async () => relay?.halt(),
      heal: async () => relay?.mend(),
    };
  };
  const [east, west] = [machine("east"), machine("west")];
  return {
    ...{ east, west },
    server: HERE,
    async [Symbol.asyncDispose]() {
      await Promise.all([east.die(), west.die()]);
      await Promise.all(relays.map((relay) => relay[Symbol.asyncDispose]()));
    },
  };
}

function programs(network: string, name: string, through: readonly string[]): Pick<Machine, "start" | "die"> {
  const mark = `${network}-${name}`;
  return {
    start(words, env = {}) {
      const [program = "", ...rest] = [...through, ...words];
      return startProgram(program, rest, { env: { ...env, [MARK]: mark } });
    },
    async die() {
      // What is killed may have started another one meanwhile.
      for (let left = await marked(MARK, mark); left.length > 0; left = await marked(MARK, mark)) {
        for (const { pid } of left) kill(pid);
        await untilGone(...left.map(({ pid }) => pid));
      }
    },
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
