import { createRequire } from "node:module";
import { join } from "node:path";
import { call, role, say } from "./roles.mjs";

const require = createRequire(join(process.env.PEERS, "package.json"));
const { ServiceBroker } = require("moleculer");

const broker = new ServiceBroker({ nodeID: role, logger: false, transporter: `nats://${process.env.NATS}` });
if (role === "serve") {
  broker.createService({ name: "echo", actions: { say: ({ params }) => params } });
  await broker.start();
  say("ready");
} else {
  await broker.start();
  await broker.waitForServices("echo");
  await call((params) => broker.call("echo.say", params));
  await broker.stop();
}
