import { describe, expect, test } from "vitest";
import { descriptorShortage } from "../../../../src/launch/environment/descriptors.ts";

/** As /proc/self/limits shows them. */
function limits(soft: string, hard: string): string {
  return [
    "Limit                     Soft Limit           Hard Limit           Units     ",
    "Max cpu time              unlimited            unlimited            seconds   ",
    "Max processes             1                    1                    processes ",
    `Max open files            ${soft.padEnd(20)} ${hard.padEnd(20)} files     `,
    "Max locked memory         8388608              8388608              bytes     ",
    "",
  ].join("\n");
}

describe("the descriptors of a provider", () => {
  test("are 16 for each task, and 512 for itself", () => {
    expect(descriptorShortage(500, limits("1024", "1024"))).toEqual({ needed: 8_512, limit: 1_024 });
    expect(descriptorShortage(0, limits("256", "256"))).toEqual({ needed: 512, limit: 256 });
  });

  test("suffice when the limit is what is needed, and not with one less", () => {
    expect(descriptorShortage(100, limits("1024", "2112"))).toBeUndefined();
    expect(descriptorShortage(100, limits("1024", "2111"))).toEqual({ needed: 2_112, limit: 2_111 });
  });

  test("are limited by the hard limit: up to there a process raises its own", () => {
    expect(descriptorShortage(100, limits("16", "1048576"))).toBeUndefined();
    expect(descriptorShortage(100, limits("unlimited", "16"))).toMatchObject({ limit: 16 });
  });

  test.each([
    ["there is no limit", limits("1024", "unlimited")],
    ["the system does not say", ""],
    ["it says something else", "Max open files\n"],
  ])("suffice when %s", (_, text) => {
    expect(descriptorShortage(100_000, text)).toBeUndefined();
  });
});
