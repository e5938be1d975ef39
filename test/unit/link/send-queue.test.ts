import { describe, expect, test } from "vitest";
import { HIGH_WATER_MARK } from "../../../src/link/limits.ts";
import { createSendQueue, type Frames } from "../../../src/link/send-queue.ts";
import { BOUND_MS } from "../../support/bound.ts";

/** A socket that takes as many messages as it has room for. */
function socketWithRoom(room: number) {
  const taken: string[] = [];
  const socket = {
    taken,
    room,
    tries: 0,
    async send(message: Frames) {
      socket.tries += 1;
      if (socket.room <= 0) throw new Error("EAGAIN");
      socket.room -= 1;
      taken.push(message.toString());
    },
  };
  return socket;
}

const texts = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);

describe("a queue of messages to send", () => {
  test("sends in order, those of before it was opened first", async () => {
    const socket = socketWithRoom(10_000);
    const queue = createSendQueue(socket.send);
    for (const text of texts(1, 5)) queue.add(Buffer.from(text));
    expect(socket.taken).toEqual([]);

    queue.open();
    for (const text of texts(6, 3_000)) queue.add(Buffer.from(text));
    await queue.close(BOUND_MS);

    expect(socket.taken).toEqual(texts(1, 3_000));
    expect(queue.lost).toBe(0);
  });

  test("sends what was refused again, in order and without a loss", async () => {
    const socket = socketWithRoom(700);
    const queue = createSendQueue(socket.send);
    queue.open();

    for (const text of texts(1, 2_000)) queue.add(Buffer.from(text));
    await expect.poll(() => socket.tries, { timeout: BOUND_MS }).toBeGreaterThan(1_024);
    expect(socket.taken).toEqual(texts(1, 700));
    socket.room = 10_000;
    await queue.close(BOUND_MS);

    expect(socket.taken).toEqual(texts(1, 2_000));
    expect(queue.lost).toBe(0);
  });

  test("gives up what was refused before another one was taken, and sends nothing out of order", async () => {
    const socket = socketWithRoom(10_000);
    const queue = createSendQueue((message) =>
      message.toString() === "2" ? Promise.reject(new Error("EAGAIN")) : socket.send(message),
    );
    queue.open();

    for (const text of texts(1, 4)) queue.add(Buffer.from(text));
    await queue.close(BOUND_MS);

    expect(socket.taken).toEqual(["1", "3", "4"]);
    expect(queue.lost).toBe(1);
  });

  test("has a bound, beyond which the oldest are given up and counted", async () => {
    const socket = socketWithRoom(1_000_000);
    const queue = createSendQueue(socket.send);
    for (const text of texts(1, HIGH_WATER_MARK)) queue.add(Buffer.from(text));
    expect(queue.hasRoom()).toBe(false);

    queue.add(Buffer.from("last"));
    queue.open();
    await queue.close(BOUND_MS);

    expect(queue.lost).toBe(1);
    expect(socket.taken).toEqual([...texts(2, HIGH_WATER_MARK), "last"]);
  });

  test("has a bound in bytes, and takes a single message that is longer", () => {
    const queue = createSendQueue(async () => {});

    queue.add(Buffer.alloc(80 * 2 ** 20));
    expect(queue.hasRoom()).toBe(false);
    queue.add([Buffer.from("a"), Buffer.from("b")]);

    expect(queue.lost).toBe(1);
    expect(queue.hasRoom()).toBe(true);
  });

  test("ends when its time is over, and counts what is left", async () => {
    const queue = createSendQueue(() => Promise.reject(new Error("EAGAIN")));
    queue.open();
    for (const text of texts(1, 3)) queue.add(Buffer.from(text));

    await queue.close(1);

    expect(queue.lost).toBe(3);
  });
});
