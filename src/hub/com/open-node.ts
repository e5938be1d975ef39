// Opens what a node has on its side of the hub, in order: what it remembers, its outbox, its provider, and the session that
// joins them. Closes it in reverse.
import { randomUUID } from "node:crypto";
import { appendFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ZcontextError } from "../../errors.ts";
import type { Json, JsonObject } from "../../protocol/json.ts";
import type { LogLine } from "../contract/shapes.ts";
import { createAssignedHub } from "./assigned-provider.ts";
import type { ComConfiguration } from "./com-configuration.ts";
import { createNode, type HubNode, type NodeHands } from "./node.ts";
import { NO_MEMORY, readMemory } from "./node-state.ts";
import { openProvider } from "./open-provider.ts";
import { openOutbox } from "./outbox.ts";
import type { HubProvider } from "./providers/hub-provider.ts";
import { startSession } from "./session.ts";
import { openSettings } from "./settings-file.ts";

export interface OpenNodeOptions
  extends Pick<NodeHands, "setEnabled" | "tellTwin" | "tellForwarding" | "ask" | "say" | "warn"> {
  configuration: ComConfiguration;
  /** Of the context file: paths in the configuration are relative to it. */
  contextFolder: string;
  /** The folder of what this node keeps. */
  folder: string;
  /** Where refusals are written down. */
  auditFile: string;
  /** What the hub says of Com, where the configuration leaves that to it. */
  askAssigned(): Promise<JsonObject>;
  /** In place of the one that the configuration names. */
  provider?: HubProvider;
}

export interface OpenNode extends Pick<HubNode, "report" | "idle" | "twin" | "state"> {
  /**
   * Keeps a reading for the hub, and resolves when it is on the disk.
   *
   * @throws {ZcontextError} `ERR_MESSAGE_TOO_LARGE`, `ERR_STATE_UNWRITABLE`.
   */
  submit(message: Json, source: string): Promise<void>;
  /** Sends a line of a service to the hub, if it is there. */
  log(line: LogLine): void;
  close(): Promise<void>;
}

/** @throws {ZcontextError} What `openProvider` and `openOutbox` throw. */
export async function openNode(options: OpenNodeOptions): Promise<OpenNode> {
  const { configuration, contextFolder, folder, warn, say } = options;
  const place = { folder: contextFolder, warn };
  const assign = () => createAssignedHub(configuration, { ...place, ask: options.askAssigned });
  const provider =
    options.provider ?? (configuration.provider === "hub" ? assign() : await openProvider(configuration, place));
  const settings = await openSettings(join(folder, "settings.json"), { read: readMemory, initial: NO_MEMORY, warn });
  const outbox = openOutbox({
    folder,
    onBroken: (reason, keptAs) => warn(`the outbox can't be read, and is kept as ${keptAs}: ${reason}`),
  });
  let linesLost = 0;
  const node = createNode(settings.value, {
    ...options,
    facts: () => ({
      ...machineFacts(),
      node: provider.node ?? configuration.node,
      provider: provider.name,
      hub: provider.address,
      connected: session.isConnected,
      outbox: { waiting: outbox.waiting, bytes: outbox.bytes, dropped: outbox.dropped },
      lines_lost: linesLost,
    }),
    keep: (memory) => settings.write(memory),
    report: () => session.report(),
    readTwin: () => session.readTwin(),
    audit: (kind, name, why) => appendAudit(options.auditFile, { step: `${kind}-refused`, name, detail: why }),
    now: () => new Date(),
  });
  const session = startSession({
    provider,
    outbox,
    events: { desired: node.desired, method: node.method, command: node.command },
    onTwin: node.connected,
    reported: () => node.twin.reported,
    say,
    warn,
    heartbeatMs: configuration.heartbeatMs,
  });
  if (outbox.waiting > 0) say(`${outbox.waiting} readings wait for the hub`);
  node.begin();
  let wasDropped = outbox.dropped;
  return {
    get twin() {
      return node.twin;
    },
    get state() {
      return node.state;
    },
    report: node.report,
    idle: node.idle,
    async submit(message, source) {
      const body = JSON.stringify(message);
      if (Buffer.byteLength(body) > provider.maxBytes)
        throw new ZcontextError(
          "ERR_MESSAGE_TOO_LARGE",
          `a reading of ${Buffer.byteLength(body)} bytes: the hub takes at most ${provider.maxBytes}`,
        );
      await outbox.add({ id: randomUUID(), source, time: new Date().toISOString(), body });
      if (outbox.dropped === wasDropped) return;
      if (isRound(wasDropped, outbox.dropped))
        warn(`the outbox is full: ${outbox.dropped} of the oldest readings were dropped so far`);
      wasDropped = outbox.dropped;
    },
    log(line) {
      if (!session.log(line)) linesLost += 1;
    },
    async close() {
      await session.close();
      await outbox.close();
    },
  };
}

/** Whether a count has just reached 1, 10, 100, 1,000, …: a line for each would fill the log. */
function isRound(before: number, after: number): boolean {
  return before === 0 || Math.floor(Math.log10(after)) > Math.floor(Math.log10(before));
}

/** Of the process and its machine. Nothing of its environment: that may hold secrets. */
function machineFacts(): JsonObject {
  return {
    zcontext: ZCONTEXT_VERSION,
    runtime: process.version,
    platform: `${process.platform} ${process.arch}`,
    pid: process.pid,
    uptime_s: Math.round(process.uptime()),
    memory_bytes: process.memoryUsage.rss(),
  };
}

async function appendAudit(file: string, entry: JsonObject): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await appendFile(file, `${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`, { mode: 0o600 });
}

declare const ZCONTEXT_VERSION: string;
