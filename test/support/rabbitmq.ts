// A RabbitMQ server of Debian's package for a test file: on free ports of the loopback, with a name, a folder, a configuration
// and a cookie of its own. It begins with virtual hosts, so that each test has one that nothing was ever done in.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ServerAddress } from "../../src/messaging/contract/server.ts";
import { connectRabbitmq } from "../../src/messaging/engines/rabbitmq/rabbitmq-engine.ts";
import type { Json } from "../../src/protocol/json.ts";
import type { Members } from "../conformance/members.ts";
import { BOUND_MS } from "./bound.ts";
import type { Certificate } from "./certificates.ts";
import { makeFolder } from "./folder.ts";
import { HERE, type ServerPlace } from "./machines.ts";
import { freePorts } from "./port.ts";
import { untilGone } from "./processes.ts";
import { awaitEvents, type Recording } from "./recording.ts";

export interface RabbitmqServer extends AsyncDisposable {
  readonly port: number;
  /** For encrypted connections, where it has a certificate. */
  readonly tlsPort: number;
  /** Of a virtual host that no test has had. */
  newAddress(): ServerAddress;
  /** Ends it as a crash would, and resolves when nothing of it is left. */
  kill(): Promise<void>;
  /** Sends it a signal that does not end it. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  /** Has it evaluate these Erlang expressions. */
  evaluate(expressions: string): Promise<void>;
  /** Starts it again, on the same port and folder, and resolves when it takes connections. */
  start(): Promise<void>;
}

/** A program that is a member, and that tests may kill. */
export interface Member extends AsyncDisposable {
  readonly said: Recording<Json>;
  signal(signal: NodeJS.Signals): void;
}

/** A user that may do everything, and one that may enter each virtual host and do nothing there. */
export const USER = { user: "tester", pass: "for tests" };
export const POOR_USER = { user: "poor", pass: "for tests" };

const LIB = "/usr/lib/rabbitmq/lib";
const VHOSTS = 64;
const BOUND_S = String(BOUND_MS / 1_000);
const MEMBER = fileURLToPath(new URL("../fixtures/server-member.mjs", import.meta.url));

/**
 * @param heartbeatS - A peer that is silent for two of these, in seconds, is given up.
 * @param certificate - With which it takes encrypted connections besides.
 */
export async function startRabbitmq({
  vhosts = VHOSTS,
  place = HERE,
  heartbeatS = 60,
  certificate,
}: {
  vhosts?: number;
  place?: ServerPlace;
  heartbeatS?: number;
  certificate?: Certificate & { ca: string };
} = {}): Promise<RabbitmqServer> {
  const folder = await makeFolder();
  const [port = 0, distribution = 0, mapper = 0, tlsPort = 0] = await freePorts(4);
  const names = Array.from({ length: vhosts }, (_, index) => `v${index}`);
  const tls = certificate === undefined ? [] : encryptedOn(`${place.host}:${tlsPort}`, certificate);
  await configure(folder.at, [`listeners.tcp.1 = ${place.host}:${port}`, `heartbeat = ${heartbeatS}`, ...tls], names);
  const [installed = ""] = await readdir(LIB);
  const nodeName = `z${port}@localhost`;
  const environment = {
    ...process.env,
    HOME: folder.path,
    // The mapper of names to ports, which Erlang would otherwise start and leave behind.
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_CONFIG_FILE: folder.at("rabbitmq.conf"),
    RABBITMQ_CONF_ENV_FILE: folder.at("environment"),
    RABBITMQ_ENABLED_PLUGINS_FILE: folder.at("plugins"),
    RABBITMQ_MNESIA_BASE: folder.at("data"),
    RABBITMQ_PID_FILE: folder.at("pid"),
    RABBITMQ_LOG_BASE: folder.path,
    RABBITMQ_LOGS: "-",
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
    // Then the script becomes the server, and its pid is that of the server.
    RUNNING_UNDER_SYSTEMD: "yes",
  };
  const there = (...words: string[]): [string, string[]] => {
    const [program = "", ...rest] = [...place.through, ...words];
    return [program, rest];
  };
  const epmd = spawn(...there("epmd", "-port", String(mapper)), { env: environment, stdio: "ignore" });
  let server: ReturnType<typeof spawn> | undefined;

  async function start(): Promise<void> {
    const child = spawn(...there(`${LIB}/${installed}/sbin/rabbitmq-server`), {
      env: environment,
      stdio: ["ignore", "pipe", "inherit"],
    });
    server = child;
    const log = awaitEvents<string>("what the server logs", (line) => line);
    createInterface({ input: child.stdout }).on("line", log.add).on("close", log.end);
    await log.first((line) => line.includes("Server startup complete"));
  }

  async function kill(): Promise<void> {
    if (server?.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
  }

  const close = async () => {
    await kill();
    epmd.kill("SIGKILL");
    if (epmd.pid !== undefined) await untilGone(epmd.pid);
    await folder[Symbol.asyncDispose]();
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ...{ port, tlsPort },
    newAddress() {
      const vhost = names.pop();
      if (vhost === undefined) throw new Error(`the server has ${vhosts} virtual hosts, and all are taken`);
      return { url: `amqp://${place.host}:${port}/${vhost}`, login: USER };
    },
    kill,
    start,
    signal: (signal) => void server?.kill(signal),
    // Without a virtual machine of its own: that of `rabbitmqctl` takes as long to start as a server.
    async evaluate(expressions) {
      const asking = promisify(execFile)("erl_call", ["-sname", nodeName, "-r", "-timeout", BOUND_S, "-e"], {
        env: environment,
      });
      asking.child.stdin?.end(`${expressions}\n`);
      const { stdout } = await asking;
      // `{error, …}` is what came of an expression that failed.
      if (!stdout.startsWith("{ok, ")) throw new Error(`${expressions}\n${stdout}`);
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Starts `server-member.mjs` as a process. */
export function startMember({ url, login }: ServerAddress, ...words: string[]): Member {
  const [user, pass] = login !== undefined && "user" in login ? [login.user, login.pass] : ["", ""];
  const child = spawn(process.execPath, [MEMBER, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ZCONTEXT_BUS_URL: url, ZCONTEXT_BUS_USER: user, ZCONTEXT_BUS_PASS: pass },
  });
  const said = awaitEvents<Json>(`what member ${words.join(" ")} says`, (line) => JSON.stringify(line));
  createInterface({ input: child.stdout })
    .on("line", (line) => said.add(JSON.parse(line)))
    .on("close", said.end);
  const exited = once(child, "exit");
  return {
    said,
    signal: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

function encryptedOn(listener: string, { ca, cert, key }: Certificate & { ca: string }): string[] {
  const options = { cacertfile: ca, certfile: cert, keyfile: key, verify: "verify_none" };
  const lines = Object.entries(options).map(([name, value]) => `ssl_options.${name} = ${value}`);
  return [`listeners.ssl.1 = ${listener}`, ...lines];
}

async function configure(
  at: (name: string) => string,
  lines: readonly string[],
  vhosts: readonly string[],
): Promise<void> {
  const all = { configure: ".*", write: ".*", read: ".*" };
  const nothing = { configure: "", write: "", read: "" };
  const definitions = {
    users: [
      { name: USER.user, password: USER.pass, tags: [] },
      { name: POOR_USER.user, password: POOR_USER.pass, tags: [] },
    ],
    vhosts: vhosts.map((name) => ({ name })),
    permissions: vhosts.flatMap((vhost) => [
      { user: USER.user, vhost, ...all },
      { user: POOR_USER.user, vhost, ...nothing },
    ]),
  };
  const configuration = [
    ...lines,
    "log.console = true",
    "log.console.level = info",
    "log.file = false",
    `load_definitions = ${at("definitions.json")}`,
  ];
  await writeFile(at("definitions.json"), JSON.stringify(definitions));
  await writeFile(at("rabbitmq.conf"), configuration.join("\n"));
  await writeFile(at("plugins"), "[].");
  await writeFile(at("environment"), "");
}

/** Members of a virtual host of their own. */
export async function openMembers(server: RabbitmqServer): Promise<Members> {
  const address = server.newAddress();
  const engines: AsyncDisposable[] = [];
  return {
    async connect(src) {
      const engine = await connectRabbitmq({ address, src });
      engines.push(engine);
      return engine;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(engines.map((engine) => engine[Symbol.asyncDispose]()));
    },
  };
}
