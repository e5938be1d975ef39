import { expect, test } from "vitest";
import { createAssignedHub } from "../../../../src/hub/com/assigned-provider.ts";
import { readComConfiguration } from "../../../../src/hub/com/com-configuration.ts";
import type { HubEvents, HubProvider } from "../../../../src/hub/com/providers/hub-provider.ts";
import type { JsonObject } from "../../../../src/protocol/json.ts";

const EVENTS: HubEvents = {
  desired() {},
  method: async () => ({ status: 200, payload: null }),
  command: async () => ({ status: 200, payload: null }),
  lost() {},
};

function assigned(ask: () => Promise<JsonObject>): HubProvider {
  const own = readComConfiguration({ provider: "hub" }, "context001");
  return createAssignedHub(own, { ask, folder: "/nowhere", warn() {} });
}
const connect = (provider: HubProvider) => provider.connect(EVENTS, new AbortController().signal);

test("a provider that the hub assigns has the node's own name before the first sign-in", async () => {
  const provider = assigned(() => Promise.reject(new Error("not signed in")));

  await expect(connect(provider)).rejects.toThrow("not signed in");
  expect(provider).toMatchObject({ name: "hub", node: "context001", maxBytes: 252 * 1_024 });
});

test("a provider that the hub assigns is the one it says, under the name it says", async () => {
  const provider = assigned(async () => ({ provider: "memory", node: "box1" }));

  await connect(provider);

  expect(provider).toMatchObject({ name: "memory", node: "box1" });
});

test("a provider that the hub assigns is opened again only when the hub says something else", async () => {
  let node = "box1";
  const provider = assigned(async () => ({ provider: "memory", node }));

  await connect(provider);
  await connect(provider);
  expect(provider.node).toBe("box1");
  node = "box2";
  await connect(provider);

  expect(provider.node).toBe("box2");
});

test.each([
  ["names no provider that exists", { provider: "carrier" }],
  ["assigns what it has to assign", { provider: "hub" }],
])("what a hub says is refused when it %s", async (_, said) => {
  await expect(connect(assigned(async () => said))).rejects.toMatchObject({ code: "ERR_CONFIG_INVALID" });
});
