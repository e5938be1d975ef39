import { createMemoryBroker } from "../../../src/messaging/engines/memory/memory-engine.ts";
import { testSignals } from "../../conformance/signals.ts";

testSignals("memory", async () => createMemoryBroker());
