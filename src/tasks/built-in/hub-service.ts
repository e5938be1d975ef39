// The built-in instance Hub: signs the node in at its hub, and installs the services of its signed manifest in the provider that
// runs. Com asks it where the hub's broker is (`Com`), and passes the hub's command `update` on to it (`Update`). See
// docs/hub.md.
import { join } from "node:path";
import { connectContext } from "../../context/client/client.ts";
import { readHubConfiguration } from "../../hub/sign-in/hub-configuration.ts";
import { type OpenMembership, openMembership } from "../../hub/sign-in/open-membership.ts";
import { defineService, defineTask, ServiceError } from "../define.ts";
import type { InnerScope } from "../scope.ts";
import { assertOwn } from "./internal-service.ts";

type Configuration = { [name: string]: unknown };

let opened: OpenMembership | undefined;

export default defineService({
  name: "hub",
  description: "Signs this node in at its hub, and installs what the hub publishes",
  task: defineTask<Configuration>({
    async start(scope) {
      assertOwn(scope);
      opened = await open(scope as InnerScope<Configuration>);
    },
    async stop(scope) {
      assertOwn(scope);
      await opened?.close();
    },
    actions: {
      /** Null before the first sign-in. */
      Com: () => membership().com ?? null,
      async Update() {
        const outcomes = await membership().update();
        return outcomes.map(({ step: { name, version, action }, error }) => ({
          ...{ service: name, version, action, result: error === undefined ? "success" : "failure" },
          ...(error && { code: error.code, fault: error.message }),
        }));
      },
    },
  }),
});

function open(scope: InnerScope<Configuration>): Promise<OpenMembership> {
  const { configuration, contextFolder, stateFiles, endpoints, log } = scope;
  return openMembership({
    configuration: readHubConfiguration(configuration),
    contextFolder,
    stateDir: stateFiles.folder,
    settingsFile: join(stateFiles.folder, `${stateFiles.name}.node`, "hub.json"),
    async apply(timeoutMs) {
      await using client = await connectContext(endpoints);
      return await client.apply({ timeoutMs });
    },
    say: log.info,
    warn: log.warn,
  });
}

function membership(): OpenMembership {
  if (opened === undefined) throw new ServiceError("ERR_SERVICE_LOST", "hub is starting", { retryable: true });
  return opened;
}
