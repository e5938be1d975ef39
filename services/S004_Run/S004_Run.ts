import { defineTask } from "zcontext/tasks";

/** What the context file says in this task's <configuration>; every leaf is text. */
interface Configuration {
  device_action: string;
}

export default defineTask<Configuration>({
  kind: "single", // run() is called once; its return is the natural end
  async run(scope) {
    scope.log.info("running");
    await scope.sleep(500);
    await scope.update({ out_of_breath: "yes" });
  },
});
