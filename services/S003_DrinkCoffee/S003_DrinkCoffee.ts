import { defineTask } from "zcontext/tasks";

/** What the context file says in this task's <configuration>; every leaf is text. */
interface Configuration {
  device_action: string;
}

export default defineTask<Configuration>({
  kind: "looped", // run() is called again and again until the task is told to stop
  async run(scope) {
    await scope.sleep(300);
    await scope.update({ sip: new Date().toISOString() });
    scope.log.info("a sip");
  },
});
