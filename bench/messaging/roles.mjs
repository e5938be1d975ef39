// What both sides do, whatever carries the messages.
import { once } from "node:events";

const WINDOW = 1_000;
const CALLERS = 200;
/** Messages that are not counted, while the code is compiled. */
const WARM_UP = Number(process.env.WARM_UP ?? 0);
/** 200 bytes of JSON. */
export const CONTENT = { id: 7, customer: "c-1234", total: 12.5, note: "x".repeat(140) };

export const [role, count] = [process.argv[2], Number(process.argv[3])];

/** Resolves when the processor time was read from outside. */
export async function told() {
  await once(process.stdin.resume(), "data");
  process.stdin.pause();
}

export function say(word, value = performance.timeOrigin + performance.now()) {
  process.stdout.write(`${word} ${value}\n`);
}

/** Emits all, at most so many at a time. */
export async function produce(emit) {
  await repeat(WARM_UP, WINDOW, emit);
  say("begin");
  await told();
  await repeat(count, WINDOW, emit);
  say("done");
  await told();
}

/** Does something so many times with the content, at most so many at a time. */
async function repeat(times, atATime, work) {
  let left = times;
  await Promise.all(
    Array.from({ length: atATime }, async () => {
      while (left > 0) {
        left -= 1;
        await work(CONTENT);
      }
    }),
  );
}

/** Counts what is handled. @returns To be called once for each event; whether it was the last one. */
export function counter() {
  let left = WARM_UP + count;
  return () => {
    left -= 1;
    if (left === 0) say("done");
    return left === 0;
  };
}

export async function call(once) {
  for (let i = 0; i < 500; i += 1) await once(CONTENT);
  const times = [];
  for (let i = 0; i < 2_000; i += 1) {
    const start = performance.now();
    await once(CONTENT);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  say("median", times[times.length / 2]);
  await repeat(WARM_UP, CALLERS, once);
  say("begin");
  await told();
  const start = performance.now();
  await repeat(count, CALLERS, once);
  say("rate", (count / (performance.now() - start)) * 1_000);
  await told();
}
