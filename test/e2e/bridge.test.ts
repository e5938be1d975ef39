// `context-bus bridge` between the broker of a context and a server of NATS: killed, and with the server killed, nothing that was
// confirmed is lost.
import { expect, test } from "vitest";
import { EventBus } from "../../src/messaging/index.ts";
import { BOUND_MS } from "../support/bound.ts";
import { finish, run, startCommand } from "../support/command.ts";
import { contextXml } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { startNats } from "../support/nats.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { startProvider } from "../support/provider.ts";

leaveNoProcess();

test("passes events both ways and calls one way, over the death of the bridge and of the server", async () => {
  await using folder = await makeFolder({
    "Context-Test.xml": contextXml([{ id: "ts001", instance: "Steady", entry: "on_exit" }]),
  });
  await using provider = await startProvider(folder.at("Context-Test.xml"));
  await using server = await startNats();
  const connecting = { timeoutMs: BOUND_MS, another: true };
  await using shop = await EventBus.connect({ contextFile: provider.file, src: "context001/shop/1", ...connecting });
  await using billing = await EventBus.connect({ url: server.url, src: "context001/billing/1", ...connecting });
  const [orders, bills] = [new Set<unknown>(), new Set<unknown>()];
  await billing.listen("orders.created", "billing", async ({ content }, bus) => {
    orders.add(content);
    await bus.emit("bills.made", { content });
  });
  await shop.listen("bills.made", "shop", ({ content }) => void bills.add(content));
  await billing.serve("billing", { double: ({ n }: { n: number }) => n * 2 });
  const start = async () => {
    const words = ["--from", provider.file, "--to", server.url, "--events", "orders.created,bills.made", "--both"];
    const bridge = startCommand("context-bus", ["bridge", ...words, "--methods", "billing.double"]);
    await bridge.stderr.first((line) => line.startsWith("bridging "));
    return bridge;
  };
  const emit = async (from: number, to: number) => {
    for (let content = from; content < to; content += 1) await shop.emit("orders.created", { content });
  };
  const until = (size: number) => expect.poll(() => bills.size, { timeout: BOUND_MS }).toBe(size);

  await using first = await start();
  await emit(0, 50);
  await until(50);
  const more = emit(50, 100);
  first.signal("SIGKILL");
  await first.exit;
  await more;
  await using second = await start();
  await until(100);
  await server.stop("SIGKILL");
  await emit(100, 150);
  await server.start();
  await until(150);

  expect(orders.size).toBe(150);
  expect(await shop.call("billing.double", { n: 21 }, { timeoutMs: BOUND_MS })).toBe(42);
  second.signal("SIGINT");
  const { code, stdout } = await finish(second);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.arrayContaining([expect.stringMatching(/^orders\.created: \d+ passed$/)]),
  });
});

test.each([
  [["--from", "nats://127.0.0.1:1", "--to", "nats://127.0.0.1:1"], "nothing is to be passed on"],
  [["--from", "@/no/such/file", "--to", "nats://127.0.0.1:1", "--events", "a.b"], "--from: ENOENT"],
  [
    ["--from", "No-Such.xml", "--to", "nats://127.0.0.1:1", "--events", "a.b"],
    "cannot read the context file No-Such.xml",
  ],
])("refuses %j with what is wrong", async (words, message) => {
  const { code, stderr } = await run("context-bus", ["bridge", ...words]);

  expect(code).toBe(2);
  expect(stderr.join("\n")).toContain(message);
});
