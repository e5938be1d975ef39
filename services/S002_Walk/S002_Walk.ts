import { defineTask } from "zcontext/tasks";

export default defineTask({
  kind: "single",
  async run(scope) {
    for (let step = 1; step <= 3; step += 1) {
      await scope.sleep(200);
      await scope.update({ step });
      scope.log.info(`step ${step}`);
    }
  },
});
