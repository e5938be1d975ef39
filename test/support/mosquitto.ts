// A broker of MQTT for a test, on a free port with a folder of its own, and the programs that its users speak to it with.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { makeFolder } from "./folder.ts";
import { freePort } from "./port.ts";
import { awaitEvents, type Recording } from "./recording.ts";

export interface Heard {
  topic: string;
  retained: boolean;
  payload: string;
  /** User properties, as `name:value`. */
  properties: string;
}

export interface Mosquitto extends AsyncDisposable {
  readonly port: number;
  /** Ends it, and resolves when it has ended. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Starts it again, on the same port. */
  start(): Promise<void>;
  /** Publishes as `mosquitto_pub` does. */
  publish(topic: string, payload: unknown, ...words: string[]): Promise<void>;
  /** What `mosquitto_sub` hears from now on, and what is retained. It ends with the broker. */
  subscribe(...filters: string[]): Promise<Recording<Heard>>;
}

export interface MosquittoOptions {
  /** Paths of PEM files: the connection is encrypted. */
  tls?: { cert: string; key: string };
  /** The one user that may connect; by default anybody may. */
  login?: { user: string; pass: string };
}

export async function startMosquitto({ tls, login }: MosquittoOptions = {}): Promise<Mosquitto> {
  const port = await freePort();
  const folder = await makeFolder();
  const children = new Set<ChildProcess>();
  const users = folder.at("users");
  if (login !== undefined) await promisify(execFile)("mosquitto_passwd", ["-b", "-c", users, login.user, login.pass]);
  const lines = [
    `listener ${port} 127.0.0.1`,
    "persistence true",
    `persistence_location ${folder.path}/`,
    // Debian's starts as root and becomes another user, who can't enter the folder.
    "user root",
    ...(login === undefined ? ["allow_anonymous true"] : ["allow_anonymous false", `password_file ${users}`]),
    ...(tls === undefined ? [] : [`certfile ${tls.cert}`, `keyfile ${tls.key}`]),
  ];
  const file = await folder.write("mosquitto.conf", `${lines.join("\n")}\n`);
  let broker: ChildProcess | undefined;

  async function start(): Promise<void> {
    const started = spawn("mosquitto", ["-v", "-c", file], { stdio: ["ignore", "ignore", "pipe"] });
    broker = started;
    const said: string[] = [];
    for await (const line of createInterface({ input: started.stderr })) {
      said.push(line);
      if (!line.includes(" running")) continue;
      started.stderr.resume();
      return;
    }
    throw new Error(`mosquitto has ended: ${said.join("\n")}`);
  }

  async function stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const ending = broker;
    broker = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = once(ending, "exit");
    ending.kill(signal);
    await ended;
  }

  await start();
  return {
    ...{ port, start, stop },
    async publish(topic, payload, ...words) {
      const text = typeof payload === "string" ? payload : JSON.stringify(payload);
      await promisify(execFile)("mosquitto_pub", ["-p", String(port), "-q", "1", "-t", topic, "-m", text, ...words]);
    },
    async subscribe(...filters) {
      const topics = [...filters, "ready"].flatMap((filter) => ["-t", filter]);
      const words = ["-V", "5", "-p", String(port), "-q", "1", ...topics, "-F", "%r\t%t\t%P\t%p"];
      const child = spawn("mosquitto_sub", words, { stdio: ["ignore", "pipe", "inherit"] });
      children.add(child);
      const heard = awaitEvents<Heard>(`messages on ${filters.join(", ")}`, (one) => `${one.topic} ${one.payload}`);
      const subscribed = awaitEvents<string>("a subscription", (line) => line);
      createInterface({ input: child.stdout })
        .on("line", (line) => {
          const [retained, topic = "", properties = "", ...payload] = line.split("\t");
          if (topic === "ready") return subscribed.add(topic);
          heard.add({ topic, retained: retained === "1", properties, payload: payload.join("\t") });
        })
        .on("close", heard.end);
      // Retained, so that it arrives whenever the subscription comes into force.
      await promisify(execFile)("mosquitto_pub", ["-p", String(port), "-r", "-q", "1", "-t", "ready", "-m", "1"]);
      await subscribed.first(() => true);
      return heard;
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill("SIGKILL");
      await stop("SIGKILL");
      await folder[Symbol.asyncDispose]();
    },
  };
}
