import { defineTask } from "zcontext/tasks";

/** What the context file says in this task's <configuration>; every leaf is text. */
interface Configuration {
  device_action: string;
  /** Seconds between two orders. */
  interval_s: string;
}

const CUSTOMERS = ["ada", "grace", "linus", "mallory"] as const;
let last = 0;

export default defineTask<Configuration>({
  kind: "looped", // run() is called again and again until the task is told to stop
  async run(scope) {
    const id = last + 1;
    const customer = CUSTOMERS[last % CUSTOMERS.length] ?? "nobody";
    // Resolves when the event is stored: from here on it is not lost, whoever dies.
    await scope.bus.emit("orders.created", { content: { id, customer, amount: 10 * id } });
    last = id;
    scope.log.info(`order ${id} of ${customer}`);
    await scope.sleep(Number(scope.configuration.interval_s) * 1_000);
  },
});
