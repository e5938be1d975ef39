import { defineTask } from "zcontext/tasks";

export default defineTask({
  kind: "looped",
  async run(scope) {
    await scope.sleep(300);
    await scope.update({ sip: new Date().toISOString() });
    scope.log.info("a sip");
  },
});
