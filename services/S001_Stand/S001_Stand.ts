import { defineTask } from "zcontext/tasks";

export default defineTask({
  kind: "single",
  async run(scope) {
    scope.log.info("standing up");
    await scope.sleep(500);
    scope.log.info("up");
  },
});
