// Decides which subscriber of a queue handles a signal. The forwarder passes messages on one by one, so that all its
// subscribers hear them in the same order, and what the subscribers of a queue say of themselves as well. Each of them
// therefore knows, at the same signal, the same seats, and finds by the same rule whether it is its own turn. Pure.
//
// The rule is that of Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (rendezvous hashing): the
// highest of all hashes of a seat and the signal. A seat that comes or goes moves no signal between the others.

/** One subscriber of a queue. */
export interface Seat {
  /** Unique among all subscribers of a context. */
  id: string;
  topic: string;
  queue: string;
}

export interface QueueSeats {
  /** A subscriber says that it is there, for the first time or again. */
  take(seat: Seat, nowMs: number): void;
  /** It leaves, or another one says that it has fallen silent. */
  leave(id: string): void;
  has(id: string): boolean;
  /** @returns The seat whose turn it is; undefined while there is none. */
  turnOf(topic: string, queue: string, signal: number): string | undefined;
  /** Seats of which nothing was heard since this time. */
  silentSince(ms: number): string[];
  /** Counts all silence from now on: this process was halted, and what the others have said waits to be read. */
  forgive(nowMs: number): void;
}

interface Taken extends Seat {
  hash: number;
  heardMs: number;
}

export function createQueueSeats(): QueueSeats {
  const seats = new Map<string, Taken>();
  const queues = new Map<string, Taken[]>();

  return {
    take(seat, nowMs) {
      const known = seats.get(seat.id);
      if (known !== undefined) {
        known.heardMs = nowMs;
        return;
      }
      const taken = { ...seat, hash: hashOf(seat.id), heardMs: nowMs };
      seats.set(seat.id, taken);
      const key = `${seat.topic} ${seat.queue}`;
      queues.set(
        key,
        [...(queues.get(key) ?? []), taken].sort((a, b) => (a.id < b.id ? -1 : 1)),
      );
    },
    leave(id) {
      const seat = seats.get(id);
      if (seat === undefined) return;
      seats.delete(id);
      const key = `${seat.topic} ${seat.queue}`;
      const rest = (queues.get(key) ?? []).filter((one) => one !== seat);
      if (rest.length > 0) queues.set(key, rest);
      else queues.delete(key);
    },
    has: (id) => seats.has(id),
    turnOf(topic, queue, signal) {
      let turn: Taken | undefined;
      let highest = -1;
      for (const seat of queues.get(`${topic} ${queue}`) ?? []) {
        const score = mix(seat.hash, signal);
        if (score > highest) [turn, highest] = [seat, score];
      }
      return turn?.id;
    },
    silentSince: (ms) => [...seats.values()].filter(({ heardMs }) => heardMs < ms).map(({ id }) => id),
    forgive(nowMs) {
      for (const seat of seats.values()) seat.heardMs = nowMs;
    },
  };
}

/** The same number, of 32 bits, for the same text or bytes. See Fowler, Noll and Vo, FNV-1a. */
export function hashOf(data: string | Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of typeof data === "string" ? Buffer.from(data) : data) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A number of 32 bits that depends on every bit of both. See the finalizer of Appleby, MurmurHash3. */
export function mix(one: number, other: number): number {
  let hash = Math.imul(one ^ Math.imul(other, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
