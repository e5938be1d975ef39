import { defineTask } from "zcontext/tasks";

/** What the context file says in this task's <configuration>; every leaf is text. */
interface Configuration {
  device_action: string;
}

export default defineTask<Configuration>({
  kind: "single", // run() is called once; its return is the natural end
  async run(scope) {
    for (let step = 1; step <= 3; step += 1) {
      await scope.sleep(200);
      await scope.update({ step });
      scope.log.info(`step ${step}`);
    }
  },
});
