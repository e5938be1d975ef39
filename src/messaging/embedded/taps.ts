// Copies of what passes, for members that watch. A tap that does not read loses copies and hears how many: nobody waits for
// one, and what is kept for one is bounded. Pure.
import type { TapFilter, TappedMessage } from "../contract/engine.ts";

/** What is known of any message; what else there is of it is passed on as it is. */
interface Tappable {
  kind: TappedMessage["kind"];
  name: string;
  body: Buffer;
}

export interface TapOutlet<Copy> {
  tapped(member: string, copy: Copy): void;
  /** So many copies were lost before the next one. */
  missed(member: string, copies: number): void;
}

export interface Taps<Copy> {
  /** In place of what the member has tapped before. */
  open(member: string, filter: TapFilter): void;
  close(member: string): void;
  copy(message: Copy): void;
  /** The member has read so many copies. */
  taken(member: string, copies: number): void;
}

/** How much may be on its way to a tap that has not said that it was read. */
const MAX_COPIES = 512;
const MAX_BYTES = 4 * 2 ** 20;

interface Tap extends TapFilter {
  /** The sizes of those that are on their way, in order. */
  sizes: number[];
  bytes: number;
  missed: number;
}

export function createTaps<Copy extends Tappable>(outlet: TapOutlet<Copy>): Taps<Copy> {
  const taps = new Map<string, Tap>();

  function hasRoom({ sizes, bytes }: Tap, size: number): boolean {
    return sizes.length === 0 || (sizes.length < MAX_COPIES && bytes + size <= MAX_BYTES);
  }

  return {
    open: (member, filter) => void taps.set(member, { ...filter, sizes: [], bytes: 0, missed: 0 }),
    close: (member) => void taps.delete(member),
    copy(message) {
      const { kind, name, body } = message;
      for (const [member, tap] of taps) {
        const patterns = { event: tap.events, call: tap.calls, signal: tap.signals }[kind];
        if (!patterns.some((pattern) => isLike(pattern, name))) continue;
        if (tap.missed > 0 || !hasRoom(tap, body.length)) {
          tap.missed += 1;
          continue;
        }
        tap.sizes.push(body.length);
        tap.bytes += body.length;
        outlet.tapped(member, message);
      }
    },
    taken(member, copies) {
      const tap = taps.get(member);
      if (tap === undefined) return;
      for (const size of tap.sizes.splice(0, copies)) tap.bytes -= size;
      if (tap.missed === 0) return;
      outlet.missed(member, tap.missed);
      tap.missed = 0;
    },
  };
}

/** Whether a name is like a pattern, in which `*` stands for any text. In linear time, whatever the pattern is. */
export function isLike(pattern: string, name: string): boolean {
  const [first = "", ...others] = pattern.split("*");
  const last = others.pop();
  if (last === undefined) return name === pattern;
  if (!name.startsWith(first) || !name.slice(first.length).endsWith(last)) return false;
  let at = first.length;
  for (const part of others) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}
