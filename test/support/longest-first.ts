// The order of the test files: those that take longest begin first, so that no worker is left alone with one at the end. Without
// this, Vitest goes by their sizes where it has no figures of an earlier run, and a file of a few lines that has a server of
// messages go through all tests of the contract begins last.
import { existsSync } from "node:fs";
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Longest first; all that take more than half a minute. */
const LONGEST = [
  "e2e/commands",
  "fault/rabbitmq",
  "fault/restart",
  "integration/provider",
  "e2e/dashboard",
  "e2e/two-machines",
  "integration/messaging",
  "fault/nats",
  "fault/output",
  "fault/provider-death",
  "fault/scale",
  "e2e/context-monitor",
  "e2e/create-service",
  "integration/rabbitmq",
  "e2e/readme",
  "integration/python-signals",
  "e2e/context-bus",
  "fault/messaging",
  "integration/streams-kafka",
  "fault/stop",
  "e2e/engines",
  "e2e/python-client",
  "e2e/examples",
  "integration/streams-rabbitmq",
  "types/readme",
  "e2e/changed-file",
  "integration/python-bus",
  "e2e/node",
  "e2e/python-service",
  "e2e/python-handlers",
  "fault/liveness",
  "fault/logs",
  "integration/agent",
  "fault/readiness",
].map((name) => `test/${name}.test.ts`);

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config;
    const missing = LONGEST.filter((path) => !existsSync(`${root}/${path}`));
    if (missing.length > 0)
      throw new Error(`test/support/longest-first.ts names what is not there: ${missing.join(", ")}`);
    const placeOf = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.indexOf(relative(root, moduleId));
      return place < 0 ? LONGEST.length : place;
    };
    const groupOf = ({ project }: TestSpecification) => project.config.sequence.groupOrder;
    const sorted = await super.sort(files);
    return sorted.sort((one, other) => groupOf(one) - groupOf(other) || placeOf(one) - placeOf(other));
  }
}
