import { describe, expect, test } from "vitest";
import { afterPublication, nextManifest, withVersion } from "../../../src/hub/server/publication.ts";
import { shownServices } from "../../../src/hub/server/shown-services.ts";
import { aService } from "../../support/manifests.ts";

const [first, second] = [aService({ version: "1.0.0" }), aService({ version: "1.1.0" })];
const versions = [first, second];

describe("the next manifest", () => {
  test("has another version, later or earlier, and keeps the switch", () => {
    const change = { kind: "version", name: "thermometer", version: "1.0.0" } as const;

    expect(afterPublication([{ ...second, enabled: false }], change, versions)).toEqual([{ ...first, enabled: false }]);
    expect(afterPublication([], change, versions)).toEqual([first]);
  });

  test("has a service switched, or without it", () => {
    expect(afterPublication([first], { kind: "enabled", name: "thermometer", enabled: false }, [])).toEqual([
      { ...first, enabled: false },
    ]);
    expect(afterPublication([first], { kind: "removed", name: "thermometer" }, [])).toEqual([]);
    expect(afterPublication([first], { kind: "renewed" }, [])).toEqual([first]);
  });

  test.each([
    { kind: "version", name: "thermometer", version: "9" },
    { kind: "enabled", name: "mailer", enabled: true },
    { kind: "removed", name: "mailer" },
  ] as const)("is refused for what there is not: %j", (change) => {
    expect(() => afterPublication([first], change, versions)).toThrow(expect.objectContaining({ code: "ERR_USAGE" }));
  });

  test("counts, and says until when it counts", () => {
    const nowMs = Date.parse("2026-05-01T12:00:00.500Z");

    expect(nextManifest({ catalogVersion: 6 }, [], { nowMs, days: 1 })).toEqual({
      catalogVersion: 7,
      issuedAt: "2026-05-01T12:00:00Z",
      expires: "2026-05-02T12:00:00Z",
      services: [],
    });
    expect(nextManifest(undefined, [], { nowMs, days: 1 }).catalogVersion).toBe(1);
  });
});

test("a version that is added again takes the place of the former one", () => {
  const again = { ...first, sha256: "1".repeat(64) };

  expect(withVersion(versions, again)).toEqual([second, again]);
});

test("the page shows all versions, the latest first, and which one is published", () => {
  expect(shownServices([first], versions)).toMatchObject([
    { name: "thermometer", versions: ["1.0.0", "1.1.0"], published: "1.0.0", enabled: true },
  ]);
  expect(shownServices([], versions)).toMatchObject([{ versions: ["1.1.0", "1.0.0"], enabled: false }]);
});
