import { defineTask } from "zcontext/tasks";

interface Configuration {
  /** Seconds to count before each shout. */
  interval_s: string;
}

export default defineTask<Configuration>({
  kind: "looped",
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
