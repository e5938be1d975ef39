// Messages above 1 MiB travel as a token: the body is stored, and fetched where it is read. See Hohpe and Woolf, Enterprise
// Integration Patterns, "Claim Check".
import { ZcontextError } from "../../errors.ts";
import type { Engine } from "../contract/engine.ts";

/** Keeps bodies that are too large to travel. Several readers may fetch the same one. */
export interface MessageStorage {
  /**
   * @param ttlMs - How long it must be kept, in milliseconds.
   * @returns A token, by which `recoverMessage` finds it.
   */
  storeMessage(body: Buffer, ttlMs: number): Promise<string>;
  /** @returns The body, or undefined where it has expired. */
  recoverMessage(token: string): Promise<Buffer | undefined>;
}

/** The longest body that travels as it is: 1 MiB, without the envelope. */
export const LARGEST_BODY_BYTES = 1_048_576;
/** How long a body of a call or a signal is kept, in milliseconds. */
export const SHORT_CLAIM_MS = 300_000;
/** How long one of an event is kept: as long as a dead letter. */
export const EVENT_CLAIM_MS = 7 * 24 * 3600 * 1000;
/** A body of at most so many bytes may be a token. */
const LONGEST_CLAIM_BYTES = 1_024;
/** What one begins with: its two members come in any order. Nearly all other bodies differ at once. */
const CLAIM_START = /^\s*\{\s*"(?:token|is_stored)"/;

export interface ClaimCheck {
  /** Whether a body of this length has to be stored. @throws {ZcontextError} `ERR_MESSAGE_TOO_LARGE` without a store. */
  mustBeStored(length: number): boolean;
  /** The body as it travels, at once where that is whole. @throws {ZcontextError} `ERR_MESSAGE_TOO_LARGE` without a store. */
  checkIn(body: Buffer, ttlMs: number): Buffer | Promise<Buffer>;
  /** The body as it was, at once where it has travelled whole. Rejects with `ERR_CLAIM_EXPIRED`. */
  fetchText(body: string): string | Promise<string>;
}

/** @param engine - Which may carry less than others. */
export function createClaimCheck(
  storage: MessageStorage | undefined,
  engine: Pick<Engine, "name" | "largestBody">,
): ClaimCheck {
  async function recover(token: string): Promise<Buffer> {
    const stored = await storage?.recoverMessage(token);
    if (stored !== undefined) return stored;
    throw new ZcontextError("ERR_CLAIM_EXPIRED", `the message that token ${token} stands for is no longer stored`);
  }

  function mustBeStored(length: number): boolean {
    const { largestBody = LARGEST_BODY_BYTES, name } = engine;
    const most = Math.min(largestBody, LARGEST_BODY_BYTES);
    if (length > most && storage === undefined) throw tooLarge(length, most, name);
    return length > most;
  }

  return {
    mustBeStored,
    checkIn(body, ttlMs) {
      if (!mustBeStored(body.length) || storage === undefined) return body;
      return storage.storeMessage(body, ttlMs).then((token) => Buffer.from(JSON.stringify({ token, is_stored: true })));
    },
    fetchText(body) {
      const token = tokenIn(body);
      return token === undefined ? body : recover(token).then(String);
    },
  };
}

function tooLarge(length: number, most: number, engine: string): ZcontextError {
  const way = most < LARGEST_BODY_BYTES ? ", or let the server take more: see docs/scale-out.md" : "";
  return new ZcontextError("ERR_MESSAGE_TOO_LARGE", `a message of ${length} bytes, engine ${engine} carries ${most}`, {
    hint: `Name a store for larger ones: <Messaging claim_store="redis://…"/>${way}.`,
  });
}

/** The token of a body that stands for another one. */
function tokenIn(body: string): string | undefined {
  if (body.length > LONGEST_CLAIM_BYTES || !CLAIM_START.test(body)) return undefined;
  const read: unknown = JSON.parse(body);
  if (typeof read !== "object" || read === null || !("token" in read) || !("is_stored" in read)) return undefined;
  const { token, is_stored, ...rest } = read;
  return is_stored === true && typeof token === "string" && Object.keys(rest).length === 0 ? token : undefined;
}

/** Over HTTP a body travels whole, whatever its length and looks. */
export const WHOLE: ClaimCheck = {
  mustBeStored: () => false,
  checkIn: (body) => body,
  fetchText: (body) => body,
};

/** Of a text in UTF-8. Most are so short that they need no count. */
export function bytesOf(text: string): number {
  return text.length < LARGEST_BODY_BYTES / 3 ? text.length : Buffer.byteLength(text);
}
