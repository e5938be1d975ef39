import { chmod } from "node:fs/promises";
import { expect, test } from "vitest";
import { readHubConfiguration } from "../../src/hub/sign-in/hub-configuration.ts";
import { openMembership } from "../../src/hub/sign-in/open-membership.ts";
import { makeFolder } from "../support/folder.ts";

test("a node does not sign in with credentials that others may read, and does not show them", async () => {
  await using folder = await makeFolder({ "box1.credentials": "user=box1\npass=of-this-test-alone\n" });
  await chmod(folder.at("box1.credentials"), 0o644);
  const configuration = { url: "http://127.0.0.1:1", hub_key: "hub.pem", credentials_file: "box1.credentials" };

  const error: unknown = await openMembership({
    configuration: readHubConfiguration(configuration),
    contextFolder: folder.path,
    stateDir: folder.at("state"),
    settingsFile: folder.at("hub.json"),
    apply: () => Promise.reject(new Error("nothing is to be installed")),
    say() {},
    warn() {},
  }).catch((reason: unknown) => reason);

  expect(error).toMatchObject({ code: "ERR_ENVIRONMENT_INVALID", message: expect.stringContaining("mode 0644") });
  expect(String(error)).not.toContain("of-this-test-alone");
});
