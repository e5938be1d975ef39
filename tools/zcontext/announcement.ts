// What `zcontext announce` says: the message for a word and its items. Pure.
import { ZcontextError } from "../../src/errors.ts";
import type { Speaker } from "../../src/protocol/environment.ts";
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import type { ControlMessage } from "../../src/protocol/message.ts";
import { didYouMean } from "../../src/suggest.ts";
import { readJson } from "../json-input.ts";

/** The announcements that mean something to a provider. */
const WORDS = ["started", "updated", "failed", "stopped"];
/** They stand in every announcement, and say who speaks and how it went. */
const TAKEN = ["result", "device_action", "__proto__"];
const EXAMPLE = "For instance: zcontext announce updated n=1";

/**
 * @param items - Each as `name=text`, or `name:=json`.
 * @throws {ZcontextError} `ERR_USAGE`.
 */
export function announcementOf(
  { serviceId, serviceName, transaction, deviceAction, incarnation }: Speaker,
  word: string,
  items: readonly string[],
): ControlMessage {
  if (!WORDS.includes(word))
    throw new ZcontextError(
      "ERR_USAGE",
      `expected ${WORDS.join(", ")}, got ${JSON.stringify(word)}${didYouMean(word, WORDS)}`,
      {
        hint: EXAMPLE,
      },
    );
  const said: JsonObject = Object.fromEntries(items.map(readItem));
  return {
    kind: "control",
    header: { action: word, serviceId, serviceName, transaction, incarnation },
    status: { ...said, device_action: deviceAction, result: word === "failed" ? "failure" : "success" },
  };
}

function readItem(item: string): [name: string, value: Json] {
  const [, name = "", mark = "", value = ""] = /^([^=:]+)(:?=)(.*)$/s.exec(item) ?? [];
  if (name === "")
    throw new ZcontextError("ERR_USAGE", `expected name=text or name:=json, got ${JSON.stringify(item)}`, {
      hint: EXAMPLE,
    });
  if (TAKEN.includes(name))
    throw new ZcontextError(
      "ERR_USAGE",
      `${name} can't be announced: ${name === "__proto__" ? "no message may have it" : "zcontext sets it itself"}`,
    );
  return [name, mark === "=" ? value : readJson(value, `${name}:=`, "zcontext announce")];
}
