// Processes of messaging that are killed, halted, or can't write, while events and calls are under way.
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { openGroup, ready } from "../support/bus-groups.ts";
import { type Member, openBus } from "../support/bus-peer.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

describe("events", () => {
  test("reach each of two groups while the broker and members are killed, and none comes twice without a death", async () => {
    await using bus = await openBus();
    const groups = [openGroup(bus, "a", 2), openGroup(bus, "b", 2)];
    await Promise.all(groups.flatMap(({ members }) => members.map(ready)));
    const emitters = [bus.startMember("emit", "0", "5000"), bus.startMember("emit", "5000", "10000")];

    for (let round = 1; round <= 8; round += 1) {
      const group = groups[round % 2] as (typeof groups)[0];
      await group.until(round * 1_000);
      if (round % 3 === 0) await group.replace(round % 2);
      else await bus.killBroker();
    }
    const ends = await Promise.all(emitters.map(({ exited }) => exited));
    await Promise.all(groups.map(({ until }) => until(10_000)));

    expect(ends).toEqual([0, 0]);
    const shop = await bus.connect("shop");
    await expect
      .poll(() => shop.operations.queues(), { timeout: 180_000 })
      .toMatchObject(Array(2).fill({ ready: 0, in_flight: 0, delayed: 0, dead: 0 }));
    expect(groups.map(({ handlers }) => handlers.size)).toEqual([10_000, 10_000]);
    expect(groups.flatMap(({ twice }) => twice().map(([number]) => number))).toEqual([]);
  });

  test("that an emitter had confirmed are there when it is killed", async () => {
    await using bus = await openBus();
    const group = openGroup(bus, "a", 1);
    await Promise.all(group.members.map(ready));
    const emitter = bus.startMember("emit", "0", "1000000");
    await group.until(500);
    emitter.signal("SIGKILL");
    await emitter.exited;

    const confirmed = emitter.said.all.filter((line) => typeof line === "number");
    const shop = await bus.connect("shop");
    await shop.emit("numbers.counted", { content: -1 });
    await group.members[0]?.said.first((line) => Array.isArray(line) && line[0] === -1, { what: "the last event" });

    expect(confirmed.filter((number) => !group.handlers.has(number))).toEqual([]);
  });

  test("wait where the broker can't write, and flow when it can again", async () => {
    await using bus = await openBus();
    const group = openGroup(bus, "a", 1);
    await Promise.all(group.members.map(ready));
    const shop = await bus.connect("shop");
    await shop.emit("numbers.counted", { content: 1 });
    const limit = (bytes: string) => execFileSync("prlimit", ["--pid", String(bus.pid()), `--fsize=${bytes}:`]);
    limit("1");

    const content = "x".repeat(100_000);
    await expect(shop.emit("numbers.counted", { content })).rejects.toMatchObject({ code: "ERR_OVERLOADED" });
    await bus.events.first((event) => event === "event store can't be written");
    limit("unlimited");

    expect(await shop.emit("numbers.counted", { content: 2 })).toMatchObject({ routed: true });
    await group.until(2);
    expect(group.handlers.get(2)).toHaveLength(1);
  });

  test("go on in a new store where the old one can't be read, which is set aside", async () => {
    await using bus = await openBus();
    await writeFile(`${await bus.storeFolder()}/queues.mdb`, "no store at all".repeat(10_000));
    const shop = await bus.connect("shop");

    expect(await shop.emit("a.b", { content: 1 })).toMatchObject({ stored: "file" });
    await bus.events.first((event) => event === "event store is broken");
  });

  test("flow again when a broker that was halted has been replaced", async () => {
    await using bus = await openBus();
    const group = openGroup(bus, "a", 1);
    await Promise.all(group.members.map(ready));
    const shop = await bus.connect("shop");
    const from = bus.events.all.length;
    process.kill(bus.pid(), "SIGSTOP");
    const emitted = shop.emit("numbers.counted", { content: 1 });
    await bus.events.first((event) => event === "back", { from });

    expect(await emitted).toMatchObject({ routed: true });
    await group.until(1);
  });
});

describe("a call", () => {
  test("whose callee is killed is lost, unless it may be sent again", async () => {
    await using bus = await openBus();
    const [first, second] = [bus.startMember("serve", "slow"), bus.startMember("serve", "slow")];
    await Promise.all([first, second].map(ready));
    const shop = await bus.connect("shop");
    const holding = (member: Member) =>
      member.said.first((line) => Array.isArray(line), { what: "the call" }).then(() => member);
    const lost = shop.call("slow.take", "hang").catch((error: unknown) => error);
    const holder = await Promise.any([first, second].map(holding));
    holder.signal("SIGKILL");

    expect(await lost).toMatchObject({ code: "ERR_SERVICE_LOST", executed: "unknown" });
    const other = holder === first ? second : first;
    expect(await shop.call("slow.take", "now", { idempotent: true })).toBe(other.pid);
  });

  test("that was sent when the broker is killed is answered where it may be sent again, and runs once", async () => {
    await using bus = await openBus();
    const member = bus.startMember("serve", "echo");
    await ready(member);
    const shop = await bus.connect("shop");
    const options = { timeoutMs: 180_000 };
    const hanging = shop.call("echo.take", "hang", options).catch((error: unknown) => error);
    await member.said.first((line) => Array.isArray(line), { what: "the call" });
    const answers: unknown[] = [];
    const calls = Array.from({ length: 50 }, async (_, number) => {
      answers.push(await shop.call("echo.take", number, { ...options, idempotent: true }));
    });
    await bus.killBroker();
    await Promise.all(calls);

    expect(await hanging).toMatchObject({ code: "ERR_ENGINE_UNREACHABLE", executed: "unknown", retryable: true });
    expect(answers).toEqual(Array(50).fill(member.pid));
    const taken = member.said.all.flatMap((line) =>
      Array.isArray(line) && typeof line[1] === "number" ? [line[1]] : [],
    );
    expect(taken.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, number) => number));
  });
});
