import { defineTask } from "zcontext/tasks";

/** What the context file says in this task's <configuration>; every leaf is text. */
interface Configuration {
  device_action: string;
  /** Seconds to count before each shout. */
  interval_s: string;
}

export default defineTask<Configuration>({
  kind: "looped", // run() is called again and again until the task is told to stop
  async run(scope) {
    for (let left = Number(scope.configuration.interval_s) || 1; left > 0; left -= 1) {
      scope.log.info(`${left}…`);
      await scope.sleep(1_000);
    }
    const shouted = new Date().toISOString();
    scope.log.info(`IT IS ${shouted}!`);
    await scope.update({ shouted });
  },
});
