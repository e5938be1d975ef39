// Options of every socket. The defaults of ZeroMQ are not for a daemon: no bound on a message, and an exit that
// waits for ever on a peer that is gone.
import { MAX_FRAME_BYTES } from "../protocol/codec.ts";

/** Messages kept per peer that is slow or away. */
export const HIGH_WATER_MARK = 10_000;

/**
 * What a socket accepts at all; its sender is cut off beyond. Twice the longest frame of the protocol: what lies
 * between reaches the reader, who can say what was wrong with it.
 */
export const MAX_WIRE_BYTES = 2 * MAX_FRAME_BYTES;

/** The longest subscription a listener may ask for. */
export const MAX_SUBSCRIPTION_BYTES = 1024;

/** Milliseconds between two attempts to reach a forwarder that is away. */
export const RECONNECT_MS = 20;
