import { expect, test } from "vitest";
import { serviceStates } from "../../../../src/context/provider/service-states.ts";

test("services are known by their names, and their tasks by address", () => {
  const states = serviceStates([
    {
      transaction: "T.1",
      tasks: [
        { service_id: "ts_1", serviceName: "billing", lifecycle: "running" },
        { service_id: "ts_2", serviceName: "mailer", lifecycle: "backingOff" },
      ],
    },
    {
      transaction: "T2",
      tasks: [
        { service_id: "ts_1", serviceName: "billing", lifecycle: "starting" },
        { service_id: "ts_2", serviceName: "mailer", lifecycle: "stopped" },
      ],
    },
  ]);

  expect(Object.fromEntries(states)).toEqual({
    billing: "running",
    mailer: "starting",
    "ts_1@T%2E1": "running",
    "ts_2@T%2E1": "starting",
    "ts_1@T2": "starting",
    "ts_2@T2": "gone",
  });
});
