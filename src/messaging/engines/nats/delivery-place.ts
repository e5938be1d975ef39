// What the server says of a delivery, in the subject that its settlement goes to. Pure.

export interface DeliveryPlace {
  stream: string;
  /** 1 for the first time. */
  attempt: number;
  /** Of the event in its stream. */
  seq: number;
  /** When the event was stored, in milliseconds of the epoch. */
  storedMs: number;
}

const NS_PER_MS = 1e6;

/** Of `$JS.ACK.<stream>.<consumer>.<attempt>.<seq>.<n>.<time>.<pending>`; newer servers add domain and account before it. */
export function readPlace(reply: string): DeliveryPlace {
  const words = reply.split(".");
  const at = words.length >= 11 ? 4 : 2;
  return {
    stream: words[at] ?? "",
    attempt: Number(words[at + 2]),
    seq: Number(words[at + 3]),
    storedMs: Number(words[at + 5]) / NS_PER_MS,
  };
}
