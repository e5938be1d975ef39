// What a member says where the broker can't answer. Pure.
import { ZcontextError } from "../../../errors.ts";
import type { Failure } from "../../contract/service-error.ts";

export function unreachable(engine: string, reason: string): ZcontextError {
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `engine ${engine}: ${reason}`, {
    hint: "Is the context's provider running? `conf-command --action request` shows it.",
  });
}

export function blocked(engine: string, silentMs: number): ZcontextError {
  const seconds = (silentMs / 1_000).toFixed(1);
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `engine ${engine}: the event loop was blocked for ${seconds} s`, {
    hint: "Its events were given to other members. Move long work to a worker thread, or let it pause.",
  });
}

/** Of a call that has no answer. */
export function failureOfEngine({ code, message }: ZcontextError): Failure {
  return { code, message, retryable: true, executed: code === "ERR_ENGINE_UNREACHABLE" ? "unknown" : "no" };
}
