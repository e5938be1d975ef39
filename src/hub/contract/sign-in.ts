// What a node says when it signs in at its hub, and what it is told. Over HTTP: POST <hub_url>/sign-in, with the node's name and
// secret as `authorization: Basic …`. Pure.

import type { JsonObject } from "../../protocol/json.ts";
import { anyObject, id, listOf, object, read, type Schema, text } from "../../protocol/schema.ts";

export interface SignInRequest {
  /** As it is known on the topics of MQTT. */
  node: string;
  /** The name of its machine. */
  machine: string;
  tags: readonly string[];
  /** What is installed. */
  services: readonly { name: string; version: string }[];
}

export interface SignInAnswer {
  /** Where the manifest is, absolute or relative to the URL of the hub. */
  manifest: string;
  /** The configuration of Com; empty where the hub has none for it. */
  com: JsonObject;
}

const REQUEST: Schema<SignInRequest> = object({
  node: id,
  machine: text,
  tags: listOf(id, "a list of tags"),
  services: listOf(object({ name: id, version: text }), "a list of services"),
});

/** A request; undefined for what is none. */
export function readSignIn(value: unknown): SignInRequest | undefined {
  return read(REQUEST, value).value;
}

/** An answer; undefined for what is none. */
export function readSignInAnswer(value: unknown): SignInAnswer | undefined {
  return read(ANSWER, value).value;
}

const ANSWER: Schema<SignInAnswer> = object({ manifest: id, com: anyObject });
