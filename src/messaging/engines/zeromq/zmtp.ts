// The bytes of ZeroMQ on a stream: greeting, handshake and messages of ZMTP 3.1 with the mechanism NULL. A member and the
// broker wake each other once a message; the threads of libzmq would double that. Any socket of ZeroMQ may be the other side.
// See https://rfc.zeromq.org/spec/37/. Pure.
import { ZcontextError } from "../../../errors.ts";

type SocketType = "DEALER" | "ROUTER" | "SUB" | "XPUB";

export interface ZmtpEvents {
  /** The connection is up. @param identity - What the other side calls itself; empty where it has no name. */
  onReady(identity: string): void;
  /** Sends what the other side is owed. */
  reply(bytes: Buffer): void;
}

export interface ZmtpReader {
  /**
   * Takes what has arrived.
   *
   * @returns The messages that are whole now, in frames.
   * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED`; nothing after that can be read.
   */
  take(chunk: Buffer): Buffer[][];
}

const MORE = 1;
const LONG = 2;
const COMMAND = 4;
const GREETING_BYTES = 64;
const SIGNATURE_END = 9;
const MAJOR = 10;
const MECHANISM = 12;
const SHORT_BYTES = 2;
const LONG_BYTES = 9;
const LONGEST_SHORT = 255;
const SUBSCRIBE = 1;
const CANCEL = 0;

/** What is longer is refused. */
export interface ZmtpLimits {
  frameBytes: number;
  messageBytes: number;
  frames: number;
}

/** For batches of two frames; some more are read, and refused later with a better word. */
export const BATCH_LIMITS: ZmtpLimits = { frameBytes: 64 * 2 ** 20, messageBytes: 64 * 2 ** 20, frames: 16 };

const NOTHING: Buffer = Buffer.alloc(0);

/** What each side sends first. */
export function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES);
  bytes[0] = 0xff;
  bytes[SIGNATURE_END] = 0x7f;
  bytes[MAJOR] = 3;
  bytes[MAJOR + 1] = 1;
  bytes.write("NULL", MECHANISM);
  return bytes;
}

/** What each side sends once it has read the greeting. */
export function ready(type: SocketType, identity: string): Buffer {
  const properties = [property("Socket-Type", type), property("Identity", identity)];
  return command("READY", Buffer.concat(properties));
}

function property(name: string, value: string): Buffer {
  const bytes = Buffer.alloc(1 + name.length + 4 + Buffer.byteLength(value));
  bytes[0] = name.length;
  bytes.write(name, 1);
  bytes.writeUInt32BE(Buffer.byteLength(value), 1 + name.length);
  bytes.write(value, 1 + name.length + 4);
  return bytes;
}

function command(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), data]);
  const header = Buffer.alloc(headerBytes(body.length));
  writeHeader(header, 0, COMMAND, body.length);
  return Buffer.concat([header, body]);
}

/** Tells a publisher that all messages that begin so are wanted, or no longer. See https://rfc.zeromq.org/spec/29/. */
export function subscription(prefix: string, isWanted: boolean): Buffer {
  const body = Buffer.from(`${String.fromCharCode(isWanted ? SUBSCRIBE : CANCEL)}${prefix}`);
  const header = Buffer.alloc(headerBytes(body.length));
  writeHeader(header, 0, 0, body.length);
  return Buffer.concat([header, body]);
}

/** What a subscriber begins to want; undefined where it no longer does, or says something else. */
export function subscriptionIn(frame: Buffer): string | undefined {
  return frame[0] === SUBSCRIBE ? frame.toString("utf8", 1) : undefined;
}

/** Messages one behind the other, of one frame or of several each. In one piece of memory, to be sent at once. */
export function encodeMessages(messages: readonly (Piece | readonly Piece[])[]): Buffer {
  const frames: { flags: number; piece: Piece; size: number }[] = [];
  let size = 0;
  for (const message of messages) {
    const pieces = typeof message === "string" || Buffer.isBuffer(message) ? [message] : message;
    for (const [index, piece] of pieces.entries()) {
      const bytes = typeof piece === "string" ? Buffer.byteLength(piece) : piece.length;
      frames.push({ flags: index < pieces.length - 1 ? MORE : 0, piece, size: bytes });
      size += headerBytes(bytes) + bytes;
    }
  }
  const written = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { flags, piece, size } of frames) {
    at = writeHeader(written, at, flags, size);
    at += typeof piece === "string" ? written.write(piece, at) : piece.copy(written, at);
  }
  return written;
}

/** Part of a message. */
export type Piece = Buffer | string;

/**
 * A message of two frames: a text, and several pieces one behind the other, bytes or ASCII. In one piece of memory, to be sent
 * at once.
 */
export function encodeMessage(text: string, pieces: readonly (Buffer | string)[]): Buffer {
  const textBytes = Buffer.byteLength(text);
  let bodyBytes = 0;
  for (const piece of pieces) bodyBytes += piece.length;
  const bytes = Buffer.allocUnsafe(headerBytes(textBytes) + textBytes + headerBytes(bodyBytes) + bodyBytes);
  let at = writeHeader(bytes, 0, MORE, textBytes);
  at += bytes.write(text, at);
  at = writeHeader(bytes, at, 0, bodyBytes);
  for (const piece of pieces) {
    at += typeof piece === "string" ? bytes.write(piece, at, "latin1") : piece.copy(bytes, at);
  }
  return bytes;
}

function headerBytes(size: number): number {
  return size > LONGEST_SHORT ? LONG_BYTES : SHORT_BYTES;
}

/** @returns Where the header ends. */
function writeHeader(bytes: Buffer, at: number, flags: number, size: number): number {
  const isLong = size > LONGEST_SHORT;
  bytes[at] = isLong ? flags | LONG : flags;
  if (!isLong) bytes[at + 1] = size;
  else {
    bytes.writeUInt32BE(Math.floor(size / 2 ** 32), at + 1);
    bytes.writeUInt32BE(size >>> 0, at + 5);
  }
  return at + headerBytes(size);
}

/**
 * Reads what the other side sends.
 *
 * @param self - What this side is.
 */
export function createZmtpReader(
  self: { type: SocketType; identity: string },
  limits: ZmtpLimits,
  events: ZmtpEvents,
): ZmtpReader {
  let state: "greeting" | "handshake" | "messages" = "greeting";
  /** What is left of a chunk: the beginning of a greeting or a header. */
  let rest = NOTHING;
  /** A frame of which a part has arrived. */
  let partial: { flags: number; bytes: Buffer; filled: number } | undefined;
  let frames: Buffer[] = [];
  let messageBytes = 0;
  let messages: Buffer[][] = [];

  function takeGreeting(bytes: Buffer): void {
    if (bytes[0] !== 0xff || bytes[SIGNATURE_END] !== 0x7f || (bytes[MAJOR] ?? 0) < 3)
      throw malformed("expected the greeting of ZMTP 3");
    const mechanism = bytes.toString("latin1", MECHANISM, MECHANISM + 20).replace(/\0+$/, "");
    if (mechanism !== "NULL") throw malformed(`mechanism ${mechanism}, expected NULL`);
    state = "handshake";
    events.reply(ready(self.type, self.identity));
  }

  function takeFrame(flags: number, bytes: Buffer): void {
    if ((flags & COMMAND) !== 0) return takeCommand(bytes);
    if (state !== "messages") throw malformed("a message before READY");
    frames.push(bytes);
    if ((flags & MORE) === 0) {
      messages.push(frames);
      frames = [];
      messageBytes = 0;
    } else if (frames.length >= limits.frames) throw malformed(`more than ${limits.frames} frames`);
  }

  function takeCommand(bytes: Buffer): void {
    messageBytes -= bytes.length;
    const name = bytes.toString("latin1", 1, 1 + (bytes[0] ?? 0));
    const data = bytes.subarray(1 + name.length);
    if (name === "READY" && state === "handshake") {
      state = "messages";
      events.onReady(propertyIn(data, "identity"));
    } else if (name === "SUBSCRIBE") messages.push([Buffer.concat([Buffer.of(SUBSCRIBE), data])]);
    else if (name === "PING") events.reply(command("PONG", data.subarray(2)));
    else if (name === "ERROR" || state === "handshake") throw malformed(`command ${name}, expected READY`);
  }

  /** Reads a frame that begins there. @returns Where the next one does; undefined where the header is not there yet. */
  function readFrame(chunk: Buffer, at: number): number | undefined {
    const flags = chunk[at] ?? 0;
    const start = at + ((flags & LONG) === 0 ? SHORT_BYTES : LONG_BYTES);
    if (start > chunk.length) return undefined;
    const size =
      (flags & LONG) === 0 ? (chunk[at + 1] ?? 0) : chunk.readUInt32BE(at + 1) * 2 ** 32 + chunk.readUInt32BE(at + 5);
    messageBytes += size;
    if (messageBytes > limits.messageBytes) throw malformed(`more than ${limits.messageBytes} bytes`);
    if (size > limits.frameBytes) throw malformed(`a frame of more than ${limits.frameBytes} bytes`);
    const end = start + size;
    if (end <= chunk.length) {
      takeFrame(flags, chunk.subarray(start, end));
      return end;
    }
    partial = { flags, bytes: Buffer.allocUnsafeSlow(size), filled: chunk.length - start };
    chunk.copy(partial.bytes, 0, start);
    return chunk.length;
  }

  /** @returns How much of the chunk belonged to the frame that had begun. */
  function complete(chunk: Buffer): number {
    if (partial === undefined) return 0;
    const { flags, bytes, filled } = partial;
    const count = chunk.copy(bytes, filled);
    partial.filled += count;
    if (partial.filled < bytes.length) return count;
    partial = undefined;
    takeFrame(flags, bytes);
    return count;
  }

  /** Reads a part that begins there. @returns Where the next one does; undefined where it is not whole yet. */
  function read(chunk: Buffer, at: number): number | undefined {
    if (state !== "greeting") return readFrame(chunk, at);
    const end = at + GREETING_BYTES;
    if (end > chunk.length) return undefined;
    takeGreeting(chunk.subarray(at, end));
    return end;
  }

  return {
    take(arrived) {
      let at: number | undefined = complete(arrived);
      const chunk = rest.length === 0 ? arrived : Buffer.concat([rest, arrived]);
      rest = NOTHING;
      while (at !== undefined && at < chunk.length) {
        const start: number = at;
        at = read(chunk, start);
        if (at === undefined) rest = Buffer.from(chunk.subarray(start));
      }
      const taken = messages;
      messages = [];
      return taken;
    },
  };
}

/** Finds a property by its name in small letters; empty where it is not there. */
function propertyIn(data: Buffer, wanted: string): string {
  let at = 0;
  while (at < data.length) {
    const nameEnd = at + 1 + (data[at] ?? 0);
    const start = nameEnd + 4;
    if (start > data.length) break;
    const end = start + data.readUInt32BE(nameEnd);
    if (data.toString("latin1", at + 1, nameEnd).toLowerCase() === wanted) return data.toString("utf8", start, end);
    at = end;
  }
  return "";
}

function malformed(what: string): ZcontextError {
  return new ZcontextError("ERR_MESSAGE_MALFORMED", `connection of ZeroMQ with ${what}`);
}
