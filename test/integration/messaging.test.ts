import { testCalls } from "../conformance/calls.ts";
import { testEvents } from "../conformance/events.ts";
import { startZeromq } from "../support/messaging.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

for (const durability of ["memory", "file", "sync"] as const)
  testEvents(`zeromq, ${durability}`, () => startZeromq({ durability }));
testCalls("zeromq", startZeromq);
