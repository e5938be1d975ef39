// Random digits for ids. They are drawn for many ids at once: asking the system for each takes longer than all the rest.
import { randomBytes } from "node:crypto";

const BYTES = 4_096;

/** @returns A function that gives so many random hex digits, at most 8,192. */
export function createRandomHex(): (digits: number) => string {
  let drawn = "";
  let at = 0;
  return (digits) => {
    if (at + digits > drawn.length) {
      drawn = randomBytes(BYTES).toString("hex");
      at = 0;
    }
    at += digits;
    return drawn.slice(at - digits, at);
  };
}
