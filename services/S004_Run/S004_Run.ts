import { defineTask } from "zcontext/tasks";

export default defineTask({
  kind: "single",
  async run(scope) {
    scope.log.info("running");
    await scope.sleep(500);
    await scope.update({ out_of_breath: "yes" });
  },
});
