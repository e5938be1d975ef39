// Checked by `npm run types`: what user code may write, and what the compiler must refuse.
import { defineService, defineTask } from "zcontext/tasks";

const typed = defineTask<{ device: string; hosts: string[] }>({
  kind: "looped",
  async run(scope) {
    const device: string = scope.configuration.device;
    await scope.update({ device, hosts: scope.configuration.hosts });
    scope.signal.throwIfAborted();
    // @ts-expect-error: not in the configuration
    scope.configuration.interval_s;
    // @ts-expect-error: JSON has no functions
    await scope.update({ call: () => {} });
    // @ts-expect-error: durations are milliseconds, as a number
    await scope.sleep("5s");
  },
});

defineService({ name: "typed", description: "", task: typed });

// A task without work to wait for, and one that does not care about its configuration.
defineTask({ kind: "single", run: ({ log, configuration }) => log.info(String(configuration.anything)) });

// @ts-expect-error: neither single nor looped
defineTask({ kind: "daily", run() {} });

// @ts-expect-error: a service needs a task
defineService({ name: "idle", description: "" });
