// Limits that every socket is opened with. ZeroMQ's defaults don't suit a daemon: messages of any size, and an exit that
// waits for ever for a peer that is gone.
import { MAX_FRAME_BYTES } from "../protocol/codec.ts";

/** Messages queued for a peer that is slow or disconnected. */
export const HIGH_WATER_MARK = 10_000;

/**
 * The longest message a socket accepts; the sender of a longer one is disconnected. Twice the longest frame of the
 * protocol, so that a frame slightly too long is decoded and reported.
 */
export const MAX_WIRE_BYTES = 2 * MAX_FRAME_BYTES;

/** The longest subscription a publisher accepts. */
export const MAX_SUBSCRIPTION_BYTES = 1024;

/** Pause between two attempts to reach a forwarder, in milliseconds. */
export const RECONNECT_MS = 20;
