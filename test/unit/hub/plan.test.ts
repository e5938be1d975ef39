import { describe, expect, test } from "vitest";
import {
  afterStep,
  asTexts,
  type InstalledService,
  planInstallation,
  versionOf,
} from "../../../src/hub/install/plan.ts";
import { aService } from "../../support/manifests.ts";

const node = { names: ["node-1"], tags: ["greenhouse"] };
const installed: InstalledService = { name: "thermometer", ...versionOf(aService()) };

describe("a service of the manifest", () => {
  test.each([
    ["that is new is installed", aService(), [], "install"],
    ["that is there is kept", aService(), [installed], "keep"],
    ["of another version is updated", aService({ version: "1.1.0" }), [installed], "update"],
    [
      "of a lower version is updated as well: the manifest decides",
      aService({ version: "0.9.0" }),
      [installed],
      "update",
    ],
    ["with another archive is updated", aService({ sha256: "1".repeat(64) }), [installed], "update"],
    ["with another config is updated", aService({ config: { every_s: 5 } }), [installed], "update"],
    ["with another entry is updated", aService({ entry: "other.mjs" }), [installed], "update"],
    ["that is not enabled is skipped", aService({ enabled: false }), [], "skip"],
    ["that is not enabled any more is removed", aService({ enabled: false }), [installed], "remove"],
    ["for this node is installed", aService({ hosts: ["node-2", "node-1"] }), [], "install"],
    ["for a tag of this node is installed", aService({ hosts: ["greenhouse"] }), [], "install"],
    ["for another node is skipped", aService({ hosts: ["node-2"] }), [], "skip"],
    ["that has moved to another node is removed", aService({ hosts: ["cellar"] }), [installed], "remove"],
  ] as const)("%s", (_, service, present, action) => {
    const [step] = planInstallation({ services: [service] }, present, node);

    expect(step).toMatchObject({ action, name: "thermometer" });
  });

  test("that is skipped says why", () => {
    const services = [aService({ enabled: false }), aService({ name: "mailer", hosts: ["cellar", "attic"] })];

    expect(planInstallation({ services }, [], node).map(({ reason }) => reason)).toEqual([
      "enabled is false",
      "it is for cellar, attic",
    ]);
  });

  test("with a config of the same meaning is kept", () => {
    const present = { ...installed, config: { b: "2", a: "true" } };

    expect(planInstallation({ services: [aService({ config: { a: true, b: 2 } })] }, [present], node)).toMatchObject([
      { action: "keep" },
    ]);
  });

  test("that the manifest does not have any more is removed", () => {
    expect(planInstallation({ services: [] }, [installed], node)).toMatchObject([{ action: "remove" }]);
  });
});

describe("after a step", () => {
  const stepTo = (service = aService()) => planInstallation({ services: [service] }, [installed], node)[0] as never;

  test("of an update the version before is kept, and none before that", () => {
    const [second] = afterStep([installed], stepTo(aService({ version: "2" })));
    const [third] = afterStep([second as InstalledService], stepTo(aService({ version: "3" })));

    expect(second).toMatchObject({ version: "2", previous: { version: "1.0.0" } });
    expect(third).toMatchObject({ version: "3", previous: { version: "2" } });
    expect(third?.previous).not.toHaveProperty("previous");
  });

  test("of another config the version before stays the one before", () => {
    const [second] = afterStep([installed], stepTo(aService({ version: "2" })));
    const change = aService({ version: "2", config: { every_s: 5 } });
    const [again] = afterStep([second as InstalledService], stepTo(change));

    expect(again).toMatchObject({ version: "2", config: { every_s: "5" }, previous: { version: "1.0.0" } });
  });

  test("of a removal it is gone, and others stay", () => {
    const other = { ...installed, name: "mailer" };

    expect(afterStep([installed, other], stepTo(aService({ enabled: false })))).toEqual([other]);
  });
});

test("the configuration of a task is text, as in a context file", () => {
  expect(asTexts({ a: 1.5, b: [true, { c: "d" }], e: {} })).toEqual({ a: "1.5", b: ["true", { c: "d" }], e: {} });
});
