import { expect, test } from "vitest";
import { type ContextConfig, DEFAULT_SUPERVISION, parseContextConfig } from "../../../src/config/context-config.ts";
import { isInternal } from "../../../src/config/internal.ts";
import { goodBut } from "./context-xml.ts";

/** The supervision of the first task, which runs this instance. */
function supervisionOf(instance: string, more = ""): ContextConfig["supervision"] | undefined {
  const file = goodBut(
    'instance="EchoAction" serviceType="Process">',
    `instance="${instance}" serviceType="Process">${more}`,
  );
  return parseContextConfig(file).tasks[0]?.supervision;
}

test.each(["Com", "Logger", "Hub"])("%s is restarted however often it ends", (instance) => {
  expect(supervisionOf(instance)).toEqual({ ...DEFAULT_SUPERVISION, restart: "always", onLimit: "keep-trying" });
});

test("another restart policy is possible where a file says so", () => {
  expect(supervisionOf("Com", '<Supervision restart="on-failure" on_limit="fail"/>')).toMatchObject({
    restart: "on-failure",
    onLimit: "fail",
  });
});

test("Monitor, a service of another folder and a program are no internal services", () => {
  const com = { instance: "Com", serviceType: "Process", configuration: {} } as const;

  expect(isInternal(com)).toBe(true);
  expect(isInternal({ ...com, instance: "Monitor" })).toBe(false);
  expect(isInternal({ ...com, configuration: { location: "services" } })).toBe(false);
  expect(isInternal({ ...com, serviceType: "Executable" })).toBe(false);
  expect(supervisionOf("Monitor")).toEqual(DEFAULT_SUPERVISION);
});
