import { testSignals } from "../conformance/signals.ts";
import { startZeromq } from "../support/messaging.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

testSignals("zeromq", startZeromq);
