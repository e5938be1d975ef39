// A provider that starts while the system is short of something. What is short of it once tasks run is F23 of the
// catalogue.

import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { startForwarder } from "../../src/companions/forwarder.ts";
import { openControlChannel } from "../../src/context/provider/control-channel.ts";
import { createInputFaults } from "../../src/input-faults.ts";
import { type Finished, finish, programOf, startProgram } from "../support/command.ts";
import { recordLog } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { ANY_PORT } from "../support/link.ts";
import { started } from "../support/processes.ts";
import { leaveNothing, openDescriptors, script, untilNoMoreThan, writeContext } from "./support.ts";

leaveNothing();

const BREAKS = fileURLToPath(new URL("../fixtures/breaks-the-provider.cjs", import.meta.url));
const RAISE = "raise the limit with ulimit -n";

/** Runs the built command to its end, behind these words. */
async function startUnder(prefix: readonly string[] = []): Promise<Finished> {
  await using folder = await makeFolder();
  const file = await writeContext(folder, [script("ts_1", "touch started; exec sleep 1000")]);
  const [command = "", ...words] = [...prefix, process.execPath, programOf("service-context"), file, "--start", "T1"];
  return await finish(startProgram(command, words));
}

afterEach(() => {
  vi.unstubAllEnvs();
  vi.doUnmock("../../src/link/unclaimed-topics.ts");
  // The files of a worker share its modules: what was loaded with the mock is not left to the next one.
  vi.resetModules();
});

test.each([22, 24, 26, 28, 30, 31, 32, 33, 34, 36])(
  "a provider with room for %d open files does not start, and says what to do",
  async (limit) => {
    const { code, stderr } = await startUnder(["prlimit", `--nofile=${limit}:${limit}`, "--"]);

    expect(stderr.join("\n")).toMatch(/^error: .* too many open files.*\(ERR_SYSTEM_SHORT\)\nhint: .*$/);
    expect(stderr.join("\n")).toContain(RAISE);
    expect(code).toBe(1);
    expect(await started()).toEqual([]);
  },
);

describe("a shortage in the midst of the start", () => {
  test.each(["shortage at a trial", "shortage of sockets"])("(%s) ends it, and says what to do", async (way) => {
    vi.stubEnv("NODE_OPTIONS", `--require "${BREAKS}"`);
    vi.stubEnv("BREAKS_BY", way);

    const { code, stderr } = await startUnder();

    expect(stderr).toEqual([
      expect.stringMatching(/^error: cannot start the provider of .*: too many open files \(ERR_SYSTEM_SHORT\)$/),
      expect.stringContaining(RAISE),
    ]);
    expect(code).toBe(1);
    expect(await started()).toEqual([]);
  });

  test("leaves nothing of the wire open", async () => {
    await using forwarder = await startForwarder(ANY_PORT);
    const joined = await openControlChannel(forwarder.bound, options());
    await joined[Symbol.asyncDispose]();
    const before = openDescriptors();
    vi.resetModules();
    vi.doMock("../../src/link/unclaimed-topics.ts", () => ({
      watchUnclaimedTopics() {
        throw new Error("too many open files");
      },
    }));
    const { openControlChannel: joinInVain } = await import("../../src/context/provider/control-channel.ts");

    await expect(joinInVain(forwarder.bound, options())).rejects.toThrow("too many open files");

    await untilNoMoreThan(before);
  });
});

function options() {
  const log = recordLog();
  return { taskTopics: [], inputFaults: createInputFaults(log, () => performance.now()), log };
}
