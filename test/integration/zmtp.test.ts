import { join } from "node:path";
import { expect, test } from "vitest";
import { Dealer, Router } from "zeromq";
import { deferred } from "../../src/deferred.ts";
import { openChannel } from "../../src/messaging/engines/zeromq/channel.ts";
import { bindRouter } from "../../src/messaging/engines/zeromq/router.ts";
import { makeFolder } from "../support/folder.ts";

const BYE = { number: 1, done: 0, items: [{ operation: { op: "bye" } as const, body: Buffer.alloc(0) }] };
const LARGE = Buffer.alloc(300_000, "x");

test("a DEALER of libzmq is a member", async () => {
  await using folder = await makeFolder();
  const url = `ipc://${join(folder.path, "broker")}`;
  const heard = deferred<unknown>();
  const router = await bindRouter(url, {
    onBatch: (member, batch) => heard.resolve([member, batch]),
    onTurn: () =>
      router.send("me", { ...BYE, items: [{ operation: { op: "result", n: 1, size: LARGE.length }, body: LARGE }] }),
    onLost() {},
    onDisconnect() {},
    onMalformed: (_, error) => heard.reject(error),
  });
  const dealer = new Dealer({ routingId: "me", heartbeatInterval: 10, linger: 0 });

  dealer.connect(url);
  await dealer.send(['[1,0,[{"op":"bye"}]]', ""]);

  expect(await heard.promise).toEqual(["me", BYE]);
  expect((await dealer.receive())[1]).toEqual(LARGE);
  dealer.close();
  router.close();
});

test("a ROUTER of libzmq may be the broker", async () => {
  await using folder = await makeFolder();
  const url = `ipc://${join(folder.path, "broker")}`;
  const router = new Router({ linger: 0 });
  await router.bind(url);
  const heard = deferred<unknown>();
  const channel = openChannel(url, "me", {
    onUp: () => channel.send(BYE),
    onDown() {},
    onBatch: heard.resolve,
  });

  expect((await router.receive()).map(String)).toEqual(["me", '[1,0,[{"op":"bye"}]]', ""]);
  await router.send(["me", '[7,1,[{"op":"done","n":1}]]', ""]);

  expect(await heard.promise).toEqual({
    number: 7,
    done: 1,
    items: [{ operation: { op: "done", n: 1 }, body: Buffer.alloc(0) }],
  });
  await channel.close();
  router.close();
});
