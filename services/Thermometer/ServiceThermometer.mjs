// A service that comes to its nodes from a hub: an archive holds this folder, and the node has the package zcontext.
import { defineService, defineTask } from "zcontext/tasks";

let n = 0;

export default defineService({
  name: "thermometer",
  description: "Sends the hub a reading each second",
  task: defineTask({
    kind: "looped",
    async run(scope) {
      n += 1;
      const celsius = 20 + (n % 10) / 2;
      // 1: it is on the disk of the node, and is sent when the hub is there.
      await scope.submitMessage({ n, celsius });
      if (celsius === 24.5) await scope.submitAction("mailer", "Process", { subject: "It is warm", celsius });
      await scope.sleep(Number(scope.configuration.interval_s ?? 1) * 1_000);
    },
  }),
});
