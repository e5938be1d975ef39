import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { Subscriber, XPublisher } from "zeromq";
import type { CompanionEvents } from "../../src/companions/companion.ts";
import { startForwarder } from "../../src/companions/forwarder.ts";
import { deferred } from "../../src/deferred.ts";
import { ZcontextError } from "../../src/errors.ts";
import { controlRequest } from "../../src/link/control-request.ts";
import { HIGH_WATER_MARK, MAX_WIRE_BYTES } from "../../src/link/limits.ts";
import { connectInbox, connectLink, connectOutbox, type Link } from "../../src/link/link.ts";
import { openOutbox } from "../../src/link/outbox.ts";
import { bindPublisher } from "../../src/link/publisher.ts";
import { connectRequester, type Request } from "../../src/link/request.ts";
import { watchUnclaimedTopics } from "../../src/link/unclaimed-topics.ts";
import { writeCookie } from "../../src/processes/cookie.ts";
import type { Frame } from "../../src/protocol/codec.ts";
import { type Endpoints, portOf } from "../../src/protocol/endpoints.ts";
import { isObject } from "../../src/protocol/json.ts";
import { type Message, readMessage, stampOf, writeMessage } from "../../src/protocol/message.ts";
import { BOUND_MS } from "../support/bound.ts";
import { ANY_PORT, announced, announcement, listen, numbers, sequencesOf } from "../support/link.ts";
import { isLiving, leaveNoProcess, untilGone } from "../support/processes.ts";
import { awaitEvents } from "../support/recording.ts";
import { startRelay } from "../support/relay.ts";
import { startScript } from "../support/script.ts";

leaveNoProcess();

const deaf = { onFrame() {} };

/** A link that keeps what it hears. */
async function connectListener(endpoints: Endpoints, topics: string[]) {
  const heard = awaitEvents<Frame>(`frames on ${topics}`, (frame) => `${frame.topic} ${actionOf(frame)}`);
  const link = await connectLink(endpoints, { topics, onFrame: heard.add });
  /** Resolves with the announcement that a publisher says last: then nothing of it is under way any more. */
  const heardLast = () => heard.first((frame) => actionOf(frame) === "stopped");
  return Object.assign(link, { heard, heardLast });
}

function actionOf({ body }: Frame): unknown {
  return isObject(body) && isObject(body.header) ? body.header.action : undefined;
}

/** `count` announcements, the last of them `stopped`. */
function announceMany({ publish }: Pick<Link, "publish">, count: number): void {
  for (const index of numbers(1, count - 1)) publish(announced("ts_1", "updated", { index }));
  publish(announced("ts_1", "stopped"));
}

/** Answers to connections, and says nothing. */
async function startMute() {
  const server = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const endpoint = `tcp://127.0.0.1:${port}`;
  return { publish: endpoint, subscribe: endpoint, [Symbol.asyncDispose]: async () => void server.close() };
}

/** What the forwarder has said about its deaths, and a way to wait for its return. */
function watchForwarder() {
  const { promise: back, resolve: onBack } = deferred<number>();
  const lost: number[] = [];
  const events: CompanionEvents = { onBack, onLost: ({ pid }) => lost.push(pid) };
  return { events, back, lost };
}

/** Resolves when these peers are connected again: what they subscribe to afresh has passed the forwarder. */
async function untilBack(...peers: Link[]): Promise<void> {
  await Promise.all(peers.map((peer) => peer.subscribe("again")));
}

/** Whether this machine can be reached by itself over IPv6. */
const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1"),
);

test.runIf(hasIpv6)("every socket works on the loopback address of IPv6, beside one of IPv4", async () => {
  await using forwarder = await startForwarder({ publish: "tcp://[::1]:*", subscribe: "tcp://127.0.0.1:*" });
  await using opposite = await startForwarder({ publish: "tcp://127.0.0.1:*", subscribe: "tcp://[::1]:*" });
  const strays = awaitEvents<Buffer>("unreadable messages", String);
  const topics = { commandTopics: new Set<string>(), otherTopics: new Set<string>(), onMistyped() {} };
  await using _sampling = watchUnclaimedTopics(opposite.bound.subscribe, { ...topics, onUnreadable: strays.add });
  await using link = await connectListener(forwarder.bound, ["control"]);
  await using other = await connectListener(opposite.bound, ["control"]);

  for (const { publish } of [link, other]) publish(announced("ts_1", "stopped"));
  await Promise.all([link.heardLast(), other.heardLast()]);
  const stray = new XPublisher({ linger: 1_000 });
  stray.connect(opposite.bound.publish);
  await stray.receive();
  await stray.send("no topic");
  await strays.first(() => true);
  stray.close();
  await using publisher = await bindPublisher(`tcp://[::1]:${portOf(forwarder.bound.publish)}`).catch(() => undefined);

  expect([forwarder.bound, opposite.bound]).toEqual([
    {
      publish: expect.stringMatching(/^tcp:..\[::1]:\d+$/),
      subscribe: expect.stringMatching(/^tcp:..127\.0\.0\.1:\d+$/),
    },
    {
      publish: expect.stringMatching(/^tcp:..127\.0\.0\.1:\d+$/),
      subscribe: expect.stringMatching(/^tcp:..\[::1]:\d+$/),
    },
  ]);
  expect(publisher, "an address that the forwarder has").toBeUndefined();
});

test("localhost is 127.0.0.1, whatever the machine resolves it to", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  const { publish, subscribe } = forwarder.bound;
  const named = {
    publish: publish.replace("127.0.0.1", "localhost"),
    subscribe: subscribe.replace("127.0.0.1", "LOCALHOST"),
  };
  await using link = await connectListener(named, ["control"]);

  link.publish(announced("ts_1", "stopped"));

  expect(actionOf(await link.heardLast())).toBe("stopped");
});

test("a message reaches the links that subscribe to its topic", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using subscribed = await connectListener(forwarder.bound, ["control"]);
  await using other = await connectListener(forwarder.bound, ["state"]);
  await using publisher = await connectLink(forwarder.bound, { topics: [], ...deaf });

  publisher.publish(announced("ts_1", "stopped", { pid: 7 }));
  await subscribed.heardLast();
  await other.publishThrough({ topic: "state", body: { header: {} } }, BOUND_MS);

  expect(subscribed.heard.all).toMatchObject([{ topic: "control", body: { content: { status: { pid: 7 } } } }]);
  expect(other.heard.all.map(({ topic }) => topic)).toEqual(["state"]);
});

test("a publisher that has just connected loses none of 10,000 messages sent at once", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using listener = await connectListener(forwarder.bound, ["control"]);
  await using publisher = await connectOutbox(forwarder.bound.publish).then(disposable);

  announceMany(publisher, 10_000);
  await listener.heardLast();

  expect(sequencesOf(listener.heard.all)).toEqual(numbers(1, 10_000));
  expect(publisher.lost).toBe(0);
});

test("messages are numbered for each publisher and topic", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using listener = await connectListener(forwarder.bound, ["control", "readings"]);
  await using first = await connectLink(forwarder.bound, { topics: [], incarnation: "first", ...deaf });
  await using second = await connectLink(forwarder.bound, { topics: [], incarnation: "second", ...deaf });
  const reading: Frame = { topic: "readings", body: { header: {} } };

  const given = [first, second].flatMap(({ publish }) => [
    publish(announced("ts_1", "updated")),
    publish(reading),
    publish(announced("ts_1", "stopped")),
  ]);
  await listener.heard.first((frame) => stampOf(frame)?.incarnation === "first" && actionOf(frame) === "stopped");
  await listener.heard.first((frame) => stampOf(frame)?.incarnation === "second" && actionOf(frame) === "stopped");

  const marksOf = (incarnation: string) =>
    listener.heard.all
      .filter((frame) => stampOf(frame)?.incarnation === incarnation)
      .map((frame) => [frame.topic, stampOf(frame)?.sequence]);
  const expected = [
    ["control", 1],
    ["readings", 1],
    ["control", 2],
  ];
  expect(given).toEqual([1, 1, 2, 1, 1, 2]);
  expect([marksOf("first"), marksOf("second")]).toEqual([expected, expected]);
});

test("a connection is refused where no forwarder answers", async () => {
  await using mute = await startMute();
  const options = { topics: ["control"], timeoutMs: 50, ...deaf };

  const outcomes = await Promise.allSettled([
    connectLink(mute, options),
    connectOutbox(mute.publish, { timeoutMs: 50 }),
    connectInbox(mute.subscribe, options),
    connectRequester(mute, { ...options, read: () => undefined }),
  ]);

  const reasons = outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason : outcome.value));
  for (const reason of reasons) {
    expect(reason).toBeInstanceOf(ZcontextError);
    expect(reason).toMatchObject({ code: "ERR_PROVIDER_UNREACHABLE", message: expect.stringContaining(mute.publish) });
  }
});

test("a connection is refused where only the subscribing side does not answer", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using mute = await startMute();

  const joining = connectLink(
    { publish: forwarder.bound.publish, subscribe: mute.subscribe },
    { topics: [], timeoutMs: 1_000, ...deaf },
  );

  await expect(joining).rejects.toMatchObject({
    code: "ERR_PROVIDER_UNREACHABLE",
    message: expect.stringContaining(mute.subscribe),
  });
});

test("a killed forwarder is replaced on the same addresses, and peers that stayed hear each other again", async () => {
  const { events, back, lost } = watchForwarder();
  await using forwarder = await startForwarder(ANY_PORT, events);
  await using listener = await connectListener(forwarder.bound, ["control"]);
  await using publisher = await connectLink(forwarder.bound, { topics: [], ...deaf });
  const { pid: killed, bound } = forwarder;

  process.kill(killed, "SIGKILL");
  const next = await back;
  await untilBack(publisher, listener);
  announceMany(publisher, 1_000);
  await listener.heardLast();

  expect(lost).toEqual([killed]);
  expect(forwarder.pid).toBe(next);
  expect(forwarder.bound).toEqual(bound);
  expect(sequencesOf(listener.heard.all)).toEqual(numbers(1, 1_000));
});

test("what is published while the forwarder can't be reached is kept, and all of it sent when it can", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using relay = await startRelay(forwarder.bound.publish);
  await using listener = await connectListener(forwarder.bound, ["control"]);
  await using publisher = await connectOutbox(relay.endpoint).then(disposable);

  await relay.cut();
  announceMany(publisher, 6_000);
  relay.mend();
  await listener.heardLast();

  expect(sequencesOf(listener.heard.all)).toEqual(numbers(1, 6_000));
  expect(publisher.lost).toBe(0);
});

test("what is published before the forwarder is there is kept, the oldest given up first and counted", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using relay = await startRelay(forwarder.bound.publish);
  await using listener = await connectListener(forwarder.bound, ["control"]);
  await relay.cut();
  await using publisher = disposable(openOutbox(relay.endpoint, "early"));

  announceMany(publisher, HIGH_WATER_MARK + 100);
  relay.mend();
  await listener.heardLast();

  expect(publisher.lost).toBe(100);
  expect(sequencesOf(listener.heard.all)).toEqual(numbers(101, HIGH_WATER_MARK + 100));
});

test("a forwarder killed again and again comes back each time", async () => {
  const pids: number[] = [];
  const { promise: thrice, resolve } = deferred();
  await using forwarder = await startForwarder(ANY_PORT, {
    onBack(pid) {
      pids.push(pid);
      if (pids.length === 3) resolve();
      else process.kill(pid, "SIGKILL");
    },
  });
  await using listener = await connectListener(forwarder.bound, ["control"]);
  await using publisher = await connectLink(forwarder.bound, { topics: [], ...deaf });

  process.kill(forwarder.pid, "SIGKILL");
  await thrice;
  await untilBack(publisher, listener);
  publisher.publish(announced("ts_1", "stopped"));
  await listener.heardLast();

  expect(new Set(pids).size).toBe(3);
  expect(forwarder.pid).toBe(pids.at(-1));
});

test("closing over many unsettled sends neither crashes nor hangs", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  const [link, outbox] = await Promise.all([
    connectLink(forwarder.bound, { topics: [], ...deaf }),
    connectOutbox(forwarder.bound.publish),
  ]);

  announceMany(link, 20_000);
  announceMany(outbox, 20_000);
  await Promise.all([link.close(), outbox.close()]);
  await Promise.all([link.close(), outbox.close()]);

  await using another = await connectListener(forwarder.bound, ["control"]);
  await another.publishThrough(announced("ts_1", "updated"), BOUND_MS);
});

test("what an outbox has accepted is handed over before it closes", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using listener = await connectListener(forwarder.bound, ["control"]);
  const outbox = await connectOutbox(forwarder.bound.publish);

  announceMany(outbox, 5_000);
  await outbox.close();
  await listener.heardLast();

  expect(sequencesOf(listener.heard.all)).toEqual(numbers(1, 5_000));
});

test("an endpoint in use is named, on either side, by a forwarder that can't bind it", async () => {
  await using holder = await startForwarder(ANY_PORT);
  const { publish, subscribe } = holder.bound;

  const starts = [
    startForwarder({ ...ANY_PORT, publish }),
    startForwarder({ ...ANY_PORT, subscribe }),
    startForwarder({ publish: "tcp://192.0.2.1:5556", subscribe: ANY_PORT.subscribe }),
  ].map((start) => start.catch((error: unknown) => error));

  expect(await starts[0]).toMatchObject({ code: "ERR_ENDPOINT_IN_USE", message: expect.stringContaining(publish) });
  expect(await starts[1]).toMatchObject({ code: "ERR_ENDPOINT_IN_USE", message: expect.stringContaining(subscribe) });
  expect(await starts[2]).toMatchObject({
    code: "ERR_FORWARDER_FAILED",
    message: expect.stringContaining("192.0.2.1"),
  });
});

test("a forwarder ends when the process that started it is killed", async () => {
  await using owner = await startScript("starts-a-forwarder.mjs");
  const forwarder = Number(owner.firstLine);

  const gone = untilGone(forwarder);
  await owner.kill();
  await gone;

  expect(forwarder).toBeGreaterThan(0);
});

test("a forwarder ends with a process that dies without having heard all it has said", async () => {
  await using owner = await startScript("dies-without-listening.mjs");

  await untilGone(Number(owner.firstLine));
});

/** Takes no notice of the stop signal, and prints its pid. */
const DEAF = "trap '' TERM; echo $$; while :; do sleep 60; done";
/** Its own in every run of this file: a guard ends whatever has the cookie of its provider. */
const PROVIDER = { context: randomUUID(), provider: randomUUID() };
const cookieOf = ({ provider }: { provider: string }) => writeCookie({ ...PROVIDER, provider, run: "r1" });

/** What a provider does that has a guard; `pids` are those that its tasks have printed. */
async function startGuarded(plan: {
  cookie?: typeof PROVIDER;
  inherited?: string;
  tasks: { script: string; cookie?: string; isWatched?: boolean; isForgotten?: boolean }[];
  respawns?: boolean;
}) {
  const provider = await startScript("guards-its-children.mjs", JSON.stringify(plan));
  const { forwarder, pids } = JSON.parse(provider.firstLine) as { forwarder: number; pids: [number, ...number[]] };
  return { provider, forwarder, pids };
}

/** Ends processes that were to be left alone. */
async function endAll(...pids: number[]): Promise<void> {
  const gone = untilGone(...pids);
  for (const pid of pids) process.kill(-pid, "SIGKILL");
  await gone;
}

test("what a provider has left when it is killed is ended by its forwarder, which then ends itself", async () => {
  const { provider, forwarder, pids } = await startGuarded({
    cookie: PROVIDER,
    tasks: [
      { script: DEAF, isWatched: true },
      { script: `sh -c "${DEAF.replaceAll("$", "\\$")}" & wait`, isWatched: true },
      { script: DEAF, cookie: cookieOf(PROVIDER) },
      { script: `setsid sh -c "${DEAF.replaceAll("$", "\\$")}" &`, cookie: cookieOf(PROVIDER) },
    ],
  });

  const gone = untilGone(forwarder, ...pids);
  await provider.kill();

  await gone;
});

test("a guard leaves alone what belongs to another provider, or to a task that was forgotten", async () => {
  const { provider, forwarder, pids } = await startGuarded({
    cookie: PROVIDER,
    tasks: [
      { script: DEAF, cookie: cookieOf({ provider: randomUUID() }) },
      { script: DEAF, isWatched: true, isForgotten: true },
      { script: DEAF, isWatched: true },
    ],
  });
  const [another, forgotten, watched] = pids as [number, number, number];

  const gone = untilGone(forwarder, watched);
  await provider.kill();
  await gone;

  expect(await Promise.all([another, forgotten].map(isLiving))).toEqual([true, true]);
  await endAll(another, forgotten);
});

test("a forwarder that replaces another guards the same tasks", async () => {
  const { provider, forwarder, pids } = await startGuarded({
    cookie: PROVIDER,
    tasks: [{ script: DEAF, isWatched: true }],
    respawns: true,
  });

  const gone = untilGone(forwarder, ...pids);
  await provider.kill();

  await gone;
});

test("a forwarder without a cookie of its own guards nothing, whatever cookie it inherits", async () => {
  const { provider, forwarder, pids } = await startGuarded({
    inherited: cookieOf(PROVIDER),
    tasks: [{ script: DEAF, isWatched: true }],
  });

  const gone = untilGone(forwarder);
  await provider.kill();
  await gone;

  expect(await isLiving(pids[0])).toBe(true);
  await endAll(...pids);
});

test("a forwarder that is closed in order ends no task, and may be told of tasks to the last", async () => {
  const child = spawn("sh", ["-c", DEAF], {
    detached: true,
    env: { ...process.env, ZCONTEXT_COOKIE: cookieOf(PROVIDER) },
  });
  await once(child.stdout, "data");
  const pid = child.pid as number;
  const forwarder = await startForwarder(ANY_PORT, {}, { cookie: PROVIDER });

  forwarder.guard.add({ pid, startTicks: 0 });
  await forwarder.close();
  forwarder.guard.add({ pid, startTicks: 0 });
  forwarder.guard.remove(pid);

  expect(await isLiving(pid)).toBe(true);
  await endAll(pid);
});

test("a forwarder can be closed in the moment of its death", async () => {
  const forwarder = await startForwarder(ANY_PORT);

  process.kill(forwarder.pid, "SIGKILL");
  await Promise.all([forwarder.close(), untilGone(forwarder.pid)]);

  await expect(connectOutbox(forwarder.bound.publish, { timeoutMs: 50 })).rejects.toMatchObject({
    code: "ERR_PROVIDER_UNREACHABLE",
  });
});

test("a link can be closed in the midst of a flood", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using publisher = await connectLink(forwarder.bound, { topics: [], ...deaf });
  const { promise: flooded, resolve } = deferred();
  let heard = 0;
  const listener = await connectLink(forwarder.bound, {
    topics: ["control"],
    onFrame() {
      heard += 1;
      if (heard === 1_000) resolve();
    },
  });

  announceMany(publisher, HIGH_WATER_MARK - 1_000);
  await flooded;

  await expect(listener.close()).resolves.toBeUndefined();
});

test("a publisher counts what the forwarder's absence has cost it", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using relay = await startRelay(forwarder.bound.publish);
  await using publisher = disposable(await connectOutbox(relay.endpoint));
  await relay.cut();

  announceMany(publisher, 2 * HIGH_WATER_MARK);
  // What a full queue refuses is refused in a later turn of the loop.
  await new Promise(setImmediate);

  expect(publisher.lost).toBeGreaterThan(0);
  expect(publisher.lost).toBeLessThanOrEqual(HIGH_WATER_MARK + 1_000);
});

test("garbage on the publish port disturbs no link", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using link = await connectListener(forwarder.bound, ["control"]);
  const { pid } = forwarder;
  const greeting = Buffer.concat([Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]), Buffer.alloc(52)]);

  for (const bytes of [Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.alloc(4_096, 0xa5), greeting]) {
    const socket = connect(Number(new URL(forwarder.bound.publish).port), "127.0.0.1");
    const closed = new Promise((resolve) => socket.on("close", resolve).on("error", () => {}));
    socket.end(Buffer.concat([bytes, Buffer.alloc(64, 0xee)])).resume();
    await closed;
  }
  await link.publishThrough(announced("ts_1", "updated"), BOUND_MS);

  expect(link.heard.all).toHaveLength(1);
  expect(forwarder.pid).toBe(pid);
});

test("a frame that is too long cuts off its sender alone", async () => {
  const { events, lost } = watchForwarder();
  await using forwarder = await startForwarder(ANY_PORT, events);
  await using link = await connectListener(forwarder.bound, ["control"]);
  const offender = new XPublisher({ linger: 0 });
  const disconnected = new Promise((resolve) => offender.events.on("disconnect", resolve));
  offender.connect(forwarder.bound.publish);
  await offender.receive();

  await offender.send(Buffer.alloc(MAX_WIRE_BYTES + 1, "control @@@ "));
  await disconnected;
  await link.publishThrough(announced("ts_1", "updated"), BOUND_MS);
  offender.close();

  expect(link.heard.all).toHaveLength(1);
  expect(lost).toEqual([]);
});

test("a subscription that is too long cuts off its listener alone", async () => {
  const { events, lost } = watchForwarder();
  await using forwarder = await startForwarder(ANY_PORT, events);
  await using link = await connectListener(forwarder.bound, ["control"]);
  const offender = new Subscriber({ linger: 0 });
  const disconnected = new Promise((resolve) => offender.events.on("disconnect", resolve));

  offender.subscribe("x".repeat(2_000));
  offender.connect(forwarder.bound.subscribe);
  await disconnected;
  await link.publishThrough(announced("ts_1", "updated"), BOUND_MS);
  offender.close();

  expect(link.heard.all).toHaveLength(1);
  expect(lost).toEqual([]);
});

test("frames that can't be read are reported, and what follows is heard", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  const malformed: string[] = [];
  const { promise: heard, resolve } = deferred<Frame>();
  await using _listener = await connectLink(forwarder.bound, {
    topics: ["control"],
    onFrame: resolve,
    onMalformed: ({ code }, bytes) => malformed.push(`${code} ${bytes.length}`),
  });
  const stranger = new XPublisher({ linger: 0 });
  stranger.connect(forwarder.bound.publish);
  await stranger.receive();

  await stranger.send("control without a separator");
  await stranger.send("control @@@ {");
  await stranger.send(["control @@@ {}", "and a second part"]);
  await stranger.send("control @@@ 1");
  const frame = await heard;
  stranger.close();

  expect(frame).toEqual({ topic: "control", body: 1 });
  expect(malformed).toEqual(["ERR_MESSAGE_MALFORMED 27", "ERR_MESSAGE_MALFORMED 13", "ERR_MESSAGE_MALFORMED 14"]);
});

test("publishing through resolves once everything sent before has been passed on", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using link = await connectListener(forwarder.bound, ["control", "readings"]);

  for (const index of numbers(1, 1_000)) link.publish({ topic: "readings", body: { header: {}, index } });
  await link.publishThrough(announced("ts_1", "stopped"), BOUND_MS);

  expect(link.heard.all.map(({ topic }) => topic)).toEqual([...Array(1_000).fill("readings"), "control"]);
});

test("a topic subscribed to later is heard from then on", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using listener = await connectListener(forwarder.bound, []);
  await using publisher = await connectLink(forwarder.bound, { topics: [], ...deaf });

  await listener.subscribe("readings");
  publisher.publish({ topic: "readings", body: { header: {} } });
  await listener.heard.first(({ topic }) => topic === "readings");

  expect(listener.heard.all).toHaveLength(1);
});

test("a mistyped command topic is reported once, an unreadable frame each time, and a topic of a user's own never", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  const reports: string[] = [];
  const { promise: reported, resolve } = deferred();
  await using _sampling = watchUnclaimedTopics(forwarder.bound.subscribe, {
    commandTopics: new Set(["context", "process"]),
    otherTopics: new Set(["monitor"]),
    onMistyped: (topic, meant) => reports.push(`${topic}: ${meant}`),
    onUnreadable(bytes) {
      reports.push(String(bytes));
      if (String(bytes) === "last") resolve();
    },
  });
  const sender = new XPublisher({ linger: 0 });
  sender.connect(forwarder.bound.publish);
  await sender.receive();
  // The sampling hears nothing before its subscription has reached the forwarder.
  for (; reports.length === 0; await pause(20)) await sender.send("first");

  for (const topic of ["readings", "contexts", "progress", "monitor", "contexts", "context", " process"])
    await sender.send(`${topic} @@@ {}`);
  await sender.send("last");
  await reported;
  sender.close();

  expect(reports.filter((report) => report !== "first")).toEqual(["contexts: context", " process @@@ {}", "last"]);
});

test("a requester gets the answers to its own requests, among others and in any order", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  const others: Message[] = [];
  await using answering = await listen(forwarder.bound, "context");
  await using answers = await connectLink(forwarder.bound, { topics: [], ...deaf });
  await using requester = await connectRequester<Message>(forwarder.bound, {
    topics: ["context", "control"],
    read(frame) {
      const message = readMessage(frame);
      others.push(message);
      return { requestId: String(message.header.requestId), answer: message };
    },
  });

  const asking = [requester.ask(request("start")), requester.ask(request("stop"))];
  await answering.heard.first(({ header }) => header.action === "stop");
  const requests = answering.heard.all.map(({ header: { action, requestId } }) => ({ action, requestId }));
  for (const { action, requestId } of [{ action: "foreign", requestId: "x" }, ...requests.reverse()]) {
    const answer = announcement("ts_1", `answer to ${action}`);
    answers.publish(writeMessage({ ...answer, header: { ...answer.header, requestId } }));
  }
  const given = await Promise.all(asking);

  expect(given.map(({ header }) => header.action)).toEqual(["answer to start", "answer to stop"]);
  expect(new Set(requests.map(({ requestId }) => requestId)).size).toBe(2);
  // What it asked itself it does not hear.
  expect(others.map(({ header }) => header.action)).toEqual(["answer to foreign", "answer to stop", "answer to start"]);
});

test("a request without an answer times out", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using requester = await connectRequester(forwarder.bound, {
    topics: ["control"],
    read: () => undefined,
    answerMs: 1,
  });

  const asking = requester.ask(request("start"));

  await expect(asking).rejects.toMatchObject({
    code: "ERR_REQUEST_TIMEOUT",
    message: expect.stringContaining('"start"'),
  });
});

test("a request without an answer keeps no process alive after its requester has closed", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const requester = await connectRequester(forwarder.bound, {
    topics: [],
    read: () => undefined,
    answerMs: 3_600_000,
  });
  const before = timers();

  void requester.ask(request("start"));
  const meanwhile = timers();
  await requester[Symbol.asyncDispose]();

  expect([meanwhile, timers()]).toEqual([before + 2, before]);
});

/** A command with a request id of its own. */
function request(action: string): Request {
  const header = { action, serviceId: "none", serviceName: "context", transaction: "T1" };
  return controlRequest({ kind: "context", header, configuration: {} });
}

function disposable<T extends { close(): Promise<void> }>(thing: T): T & AsyncDisposable {
  return Object.assign(
    Object.create(thing, { [Symbol.asyncDispose]: { value: () => thing.close() } }) as T & AsyncDisposable,
  );
}
