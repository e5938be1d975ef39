// The built-in instance Com: all traffic of a node with its hub. Other services have it send readings (`Process`) and reported
// properties (`Report`), Logger lines; what the hub wants it has done by the provider and by the services themselves. See
// docs/node.md.
import { join } from "node:path";
import { reasonOf } from "../../errors.ts";
import { readComConfiguration } from "../../hub/com/com-configuration.ts";
import { type OpenNode, openNode } from "../../hub/com/open-node.ts";
import { readLogLine } from "../../hub/contract/shapes.ts";
import type { Twin } from "../../hub/contract/twin.ts";
import { isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { defineService, defineTask, ServiceError, type TaskScope } from "../define.ts";
import type { InnerScope } from "../scope.ts";
import { assertOwn } from "./internal-service.ts";

type Configuration = { [name: string]: unknown };
type Scope = TaskScope<Configuration>;

/** How long an installation that the hub has asked for may take, in milliseconds. */
const INSTALL_MS = 1_800_000;

let opened: OpenNode | undefined;

export default defineService({
  name: "com",
  description: "Talks with the hub of this node",
  task: defineTask<Configuration>({
    async start(scope) {
      assertOwn(scope);
      opened = await open(scope as InnerScope<Configuration>);
      // A service that starts later has missed what all were told.
      await scope.onControl(({ action, serviceId, status }) => {
        if (action !== "started" || status.result !== "success" || serviceId === scope.serviceId) return;
        void tellNew(scope, serviceId);
      });
    },
    async stop(scope) {
      assertOwn(scope);
      await opened?.close();
    },
    // It is told by itself as well: that no other service takes part in the twin is no fault.
    stateUpdate() {},
    actions: {
      Process: (message: Json, { source }) => node().submit(message, source),
      Report(properties: Json) {
        if (!isObject(properties)) throw new ServiceError("ERR_PARAMS_INVALID", "Report: expected an object");
        return node().report(properties);
      },
      Log(given: Json) {
        const line = readLogLine(given);
        if (line !== undefined) node().log(line);
      },
      State: () => ({ ...node().state }),
    },
  }),
});

/** It may be what is being carried out that has started the service: the twin says so once that is done. */
async function tellNew(scope: Scope, serviceId: string): Promise<void> {
  await opened?.idle();
  if (opened !== undefined) await tellQuietly(scope, serviceId, "StateUpdate", asJson(opened.twin));
}

function open(scope: InnerScope<Configuration>): Promise<OpenNode> {
  const { configuration, contextId, contextFolder, stateFiles, log } = scope;
  return openNode({
    configuration: readComConfiguration(configuration, contextId),
    contextFolder,
    folder: join(stateFiles.folder, `${stateFiles.name}.node`),
    auditFile: join(stateFiles.folder, "hub", "audit.ndjson"),
    setEnabled: (isEnabled) =>
      scope.ask<Json>("orchestrator", isEnabled ? "startCustomServices" : "stopCustomServices"),
    async tellTwin(twin) {
      await scope.submitAction("*", "StateUpdate", asJson(twin));
    },
    tellForwarding: (state) => tellQuietly(scope, "logger", "Forward", { ...state }),
    async askAssigned() {
      const told = await scope.ask<Json>("hub", "Com");
      if (isObject(told)) return told;
      throw new ServiceError("ERR_SERVICE_LOST", "the node has not signed in yet", { retryable: true });
    },
    // An installation takes its time: the hub is answered once it is done.
    ask: (service, action, message) =>
      scope.ask<Json>(service, action, message, service === "hub" ? { timeoutMs: INSTALL_MS } : {}),
    say: log.info,
    warn: log.warn,
  });
}

function node(): OpenNode {
  if (opened === undefined) throw new ServiceError("ERR_SERVICE_LOST", "com is starting", { retryable: true });
  return opened;
}

/** Most services have nothing to do with it, and none of that is worth a line. */
async function tellQuietly(scope: Scope, destination: string, action: string, message: JsonObject): Promise<void> {
  try {
    await scope.ask(destination, action, message);
  } catch (error) {
    if (!QUIET.has(String(Object(error).code))) scope.log.warn(`${action} of ${destination}: ${reasonOf(error)}`);
  }
}

const QUIET: ReadonlySet<string> = new Set(["ERR_SERVICE_UNKNOWN", "ERR_ACTION_UNKNOWN", "ERR_SERVICE_LOST"]);

function asJson({ desired, reported }: Twin): JsonObject {
  return { desired, reported };
}
