import { EventBus } from "../../dist/src/messaging/index.js";
import { call, counter, produce, role, say, told } from "./roles.mjs";

const bus = await EventBus.connect();
if (role === "produce") {
  await produce((content) => bus.emit("orders.created", { content }));
  await bus.close();
} else if (role === "consume") {
  const handled = counter();
  await bus.listen(
    "orders.created",
    "bench",
    () => {
      if (handled()) told().then(() => bus.close());
    },
    { prefetch: 500 },
  );
  say("ready");
} else if (role === "hold") {
  // A group that gets nothing, so that what is emitted waits.
  await (await bus.listen("orders.created", "bench", () => {})).close();
  say("ready");
} else if (role === "serve") {
  await bus.serve("echo", { say: (params) => params });
  say("ready");
} else {
  await call((params) => bus.call("echo.say", params));
  await bus.close();
}
