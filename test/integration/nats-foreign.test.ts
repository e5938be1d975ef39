// Programs of another kind on the same server: they speak its protocol on plain sockets, with JSON and nothing of ours.
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import type { MessageStorage } from "../../src/messaging/claims/claim-check.ts";
import { createMemoryStorage } from "../../src/messaging/claims/memory-storage.ts";
import { ServiceError } from "../../src/messaging/contract/service-error.ts";
import { EventBus } from "../../src/messaging/event-bus.ts";
import { openRedisStorage } from "../../src/messaging/servers/open-redis-storage.ts";
import { gather } from "../conformance/members.ts";
import { openNatsMembers, startNats } from "../support/nats.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { awaitEvents } from "../support/recording.ts";
import { startRedis } from "../support/redis.ts";

leaveNoProcess();

/** A client that is no library: lines in, lines out. */
async function openSocket(port: number) {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const lines = awaitEvents<string>("what the server says to the socket", (line) => line);
  createInterface({ input: socket }).on("line", (line) => {
    if (line === "PING") socket.write("PONG\r\n");
    lines.add(line);
  });
  let asked = 0;
  const say = (text: string) => socket.write(`${text}\r\n`);
  say('CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}');

  /** The line after the first that begins so. */
  async function payloadAfter(beginning: string): Promise<string> {
    let isNext = false;
    return lines.first((line) => {
      if (isNext) return true;
      isNext = line.startsWith(beginning);
      return false;
    });
  }

  return {
    lines,
    payloadAfter,
    publish: (subject: string, body: string, reply = "") =>
      say(`PUB ${subject} ${reply} ${Buffer.byteLength(body)}\r\n${body}`),
    async subscribe(subject: string, id: string) {
      const from = lines.all.length;
      say(`SUB ${subject} ${id}\r\nPING`);
      await lines.first((line) => line === "PONG", { from });
    },
    async request(subject: string, body: string): Promise<unknown> {
      asked += 1;
      const inbox = `_INBOX.socket.${asked}`;
      await this.subscribe(inbox, `r${asked}`);
      this.publish(subject, body, inbox);
      return JSON.parse(await payloadAfter(`MSG ${inbox} `));
    },
    [Symbol.asyncDispose]: async () => void socket.destroy(),
  };
}

async function open({ dialect, storage }: { dialect?: string; storage?: MessageStorage } = {}) {
  const server = await startNats();
  const members = await openNatsMembers(server.url, dialect === undefined ? {} : { dialect });
  const src = "test/shop/1";
  const bus = new EventBus({ engine: await members.connect(src), src, ...(storage && { storage }) });
  return {
    ...{ server, bus },
    async [Symbol.asyncDispose]() {
      await members[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test("they call a method and get its answer, or its error, as JSON", async () => {
  await using here = await open();
  await using socket = await openSocket(here.server.port);
  await here.bus.serve("math", {
    add: ({ a, b }: { a: number; b: number }) => a + b,
    fail: () => {
      throw new ServiceError("NO_NUMBERS", "none", { details: [1], retryable: true });
    },
  });

  expect(await socket.request("math.add", '{"a":1,"b":2}')).toBe(3);
  expect(await socket.request("math.fail", "null")).toEqual({
    error: { code: "NO_NUMBERS", message: "none", retryable: true, details: [1] },
  });
  expect(await socket.request("math.nothing", "null")).toMatchObject({ error: { code: "ERR_METHOD_UNKNOWN" } });
  expect(await socket.request("math.add", "no json")).toMatchObject({ error: { code: "ERR_PARAMS_INVALID" } });
});

test("they serve a method that ours call", async () => {
  await using here = await open();
  await using socket = await openSocket(here.server.port);
  await socket.subscribe("old.*", "1");

  const result = here.bus.call("old.get", { id: 7 });
  const asked = await socket.lines.first((line) => line.startsWith("MSG old.get "));
  const [, , , reply = ""] = asked.split(" ");
  expect(JSON.parse(await socket.payloadAfter("MSG old.get "))).toEqual({ id: 7 });
  socket.publish(reply, '{"total":3}');
  expect(await result).toEqual({ total: 3 });
  await expect(here.bus.call("nobody.here")).rejects.toMatchObject({ code: "ERR_SERVICE_UNKNOWN", executed: "no" });
});

test("their events reach a group, and ours reach them, as the same JSON", async () => {
  await using here = await open();
  await using socket = await openSocket(here.server.port);
  const heard = gather<unknown>(1);
  await here.bus.listen("orders.created", "billing", ({ content, meta }) => heard.add([content, meta.session_id]));
  await socket.subscribe("events.orders.paid", "1");
  await here.bus.listen("orders.paid", "billing", () => {});
  const meta = { version: 1, timestamp: 1, session_id: "s" };
  const payload = { event_name: "orders.created", content: { id: 7 }, context: {}, meta };
  socket.publish("events.orders.created", JSON.stringify(payload));
  await here.bus.emit("orders.paid", { content: 8 });
  await heard.full;

  expect(heard.got).toEqual([[{ id: 7 }, "s"]]);
  const line = await socket.lines.first((text) => text.startsWith('{"event_name"'));
  expect(JSON.parse(line)).toMatchObject({ event_name: "orders.paid", content: 8, context: {} });
});

describe("in the dialect igz", () => {
  test("what is published is plain JSON, in an object, and what they publish is heard as it is", async () => {
    await using here = await open({ dialect: "igz" });
    await using socket = await openSocket(here.server.port);
    const heard = gather<unknown>(2);
    await here.bus.subscribe("heat", (content) => heard.add(content));
    await socket.subscribe("heat", "1");
    here.bus.publish("heat", 21);
    expect(await socket.payloadAfter("MSG heat ")).toBe('{"message":21}');
    socket.publish("heat", '{"degrees":22}');
    await heard.full;

    expect(heard.got).toEqual([{ message: 21 }, { degrees: 22 }]);
  });

  test("calls are requests, whose answers are never wrapped", async () => {
    await using here = await open({ dialect: "igz" });
    await using socket = await openSocket(here.server.port);
    await here.bus.serve("math", { twice: ({ n }: { n: number }) => 2 * n });
    await socket.subscribe("old.get", "1");

    expect(await socket.request("math.twice", '{"n":4}')).toBe(8);
    const result = here.bus.call("old.get", [1]);
    const [, , , reply = ""] = (await socket.lines.first((line) => line.startsWith("MSG old.get "))).split(" ");
    expect(await socket.payloadAfter("MSG old.get ")).toBe('{"message":[1]}');
    socket.publish(reply, "[2]");
    expect(await result).toEqual([2]);
    await expect(here.bus.call("nobody.here")).rejects.toMatchObject({ code: "ERR_SERVICE_UNKNOWN", executed: "no" });
  });

  test("a large body is stored in Redis, and its bare token travels, both ways", async () => {
    await using redis = await startRedis();
    const storage = await openRedisStorage(redis.url);
    await using here = await open({ dialect: "igz", storage });
    await using socket = await openSocket(here.server.port);
    await using store = await openRedisSocket(redis.port);
    const heard = gather<unknown>(2);
    await here.bus.subscribe("heat", (content) => heard.add(content));
    await here.bus.serve("math", { same: (params) => params });
    for (const [n, subject] of ["heat", "old.get"].entries()) await socket.subscribe(subject, String(n));
    const [ours, theirs] = [{ text: "ö".repeat(600_000) }, { text: "x".repeat(1_100_000) }];
    const claimOf = async (body: unknown, token: string) => {
      expect(await store.ask("SET", token, JSON.stringify(body), "EX", "300")).toBe("OK");
      return JSON.stringify({ token, is_stored: true });
    };
    const bodyOf = async (claim: { token: string }) => {
      expect(claim).toEqual({ token: expect.any(String), is_stored: true });
      return JSON.parse(await store.ask("GET", claim.token));
    };

    here.bus.publish("heat", ours);
    const published = JSON.parse(await socket.payloadAfter("MSG heat "));
    expect(await bodyOf(published)).toEqual(ours);
    expect(Number(await store.ask("TTL", published.token))).toBeGreaterThan(0);
    socket.publish("heat", await claimOf(theirs, "t1"));
    await heard.full;
    expect(heard.got).toEqual([ours, theirs]);

    const answer = await socket.request("math.same", await claimOf(theirs, "t2"));
    expect(await bodyOf(answer as { token: string })).toEqual(theirs);
    const result = here.bus.call("old.get", ours);
    const [, , , reply = ""] = (await socket.lines.first((line) => line.startsWith("MSG old.get "))).split(" ");
    expect(await bodyOf(JSON.parse(await socket.payloadAfter("MSG old.get ")))).toEqual(ours);
    socket.publish(reply, await claimOf(theirs, "t3"));
    expect(await result).toEqual(theirs);
    await storage.close();
  });
});

test("a server that takes no body of 1 MiB with its envelope gets a token in its place", async () => {
  const storage = createMemoryStorage();
  await using server = await startNats({ more: "max_payload: 1MB" });
  await using members = await openNatsMembers(server.url);
  const engine = await members.connect("test/shop/1");
  const [bus, poor] = [
    new EventBus({ engine, src: "test/shop/1", storage }),
    new EventBus({ engine, src: "test/shop/1" }),
  ];
  const heard = gather<unknown>(1);
  await bus.listen("a.b", "g", ({ content }) => heard.add(content));
  const content = "x".repeat(1_048_000);
  await bus.emit("a.b", { content });
  await heard.full;

  expect(heard.got).toEqual([content]);
  await expect(poor.emit("a.b", { content })).rejects.toMatchObject({
    code: "ERR_MESSAGE_TOO_LARGE",
    hint: expect.stringContaining("let the server take more"),
  });
});

/** A client of Redis that is no library: a command at a time. */
async function openRedisSocket(port: number) {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const answers = socket.setEncoding("utf8")[Symbol.asyncIterator]();
  return {
    async ask(...words: string[]): Promise<string> {
      socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`);
      let text = "";
      for (;;) {
        text += String((await answers.next()).value);
        const [, kind, about = "", rest = ""] = /^([+:$-])([^\r]*)\r\n(.*)$/s.exec(text) ?? [];
        if (kind === undefined) continue;
        if (kind !== "$") return about;
        if (Buffer.byteLength(rest) >= Number(about) + 2) return rest.slice(0, -2);
      }
    },
    [Symbol.asyncDispose]: async () => void socket.destroy(),
  };
}
