// A client in Python that knows the original's protocol and nothing of ours: what it says and hears is what old peers
// say and hear.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import { awaitEvents, type Recording } from "./recording.ts";

/** A message the client has heard, its own included. */
export interface Heard {
  /** Its place in all that was heard. */
  index: number;
  topic: string;
  body: JsonObject;
  /** That of the message, or that of the task in it. */
  header: JsonObject;
  transaction: string;
  action: string;
  serviceId: string;
  /** `content.status`; empty where there is none. */
  status: JsonObject;
  /** As it came on the wire; one for each frame of the message. */
  frames: Buffer[];
  /** What Python's `json.dumps` makes of the body is the frame, byte for byte. */
  isOriginalStyle: boolean;
  /** Why an old receiver can't read it. */
  unreadable?: string;
}

export interface PythonClient extends AsyncDisposable {
  readonly heard: Recording<Heard>;
  /** Sends a message as the original does. */
  say(topic: string, body: Json): void;
  /** Sends these bytes as one message. */
  send(...frames: Buffer[]): void;
}

const SCRIPT = fileURLToPath(new URL("python-client.py", import.meta.url));

/** Starts the client and resolves when it has heard itself through the forwarder. */
export async function connectPythonClient(endpoints: { publish: string; subscribe: string }): Promise<PythonClient> {
  const child = spawn("python3", [SCRIPT, endpoints.publish, endpoints.subscribe], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const heard = awaitEvents<Heard>("what the Python client heard", summarise);
  const lines = createInterface({ input: child.stdout });
  const ready = Promise.race([once(lines, "line"), once(child, "exit").then(endedEarly)]);
  lines.on("line", (line) => {
    const report = JSON.parse(line) as { heard?: Report };
    if (report.heard !== undefined) heard.add(interpret(report.heard, heard.all.length));
  });
  lines.on("close", heard.end);
  const tell = (order: JsonObject) => child.stdin.write(`${JSON.stringify(order)}\n`);
  await ready;
  return {
    heard,
    say: (topic, body) => void tell({ say: { topic, body } }),
    send: (...frames) => void tell({ send: frames.map((frame) => frame.toString("base64")) }),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

function endedEarly([code]: number[]): never {
  throw new Error(`the Python client ended with code ${code} before it was ready`);
}

interface Report {
  frames: string[];
  topic?: string;
  body?: Json;
  isOriginalStyle?: boolean;
  unreadable?: string;
}

function interpret({ frames, topic = "", body, isOriginalStyle = false, unreadable }: Report, index: number): Heard {
  const message = asObject(body);
  const header = asObject(message.header ?? asObject(asObject(message.Task).message).header);
  return {
    index,
    topic,
    body: message,
    header,
    transaction: String(header.service_transaction ?? header.transaction ?? ""),
    action: String(header.action ?? ""),
    serviceId: String(header.service_id ?? ""),
    status: asObject(asObject(message.content).status),
    frames: frames.map((frame) => Buffer.from(frame, "base64")),
    isOriginalStyle,
    ...(unreadable === undefined ? {} : { unreadable }),
  };
}

function asObject(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function summarise({ topic, action, serviceId, transaction, unreadable, frames }: Heard): string {
  if (unreadable !== undefined) return `(unreadable, ${frames.length} frames: ${unreadable})`;
  return `${topic} ${action} ${serviceId} in ${transaction || "no transaction"}`;
}
