// What a `top` request asks for beside the figures: lists that may be long, of each process.
import { isObject, type Json, type JsonObject } from "./json.ts";

/** In the words of the wire. */
export interface TopOptions {
  memory_maps: boolean;
  open_connections: boolean;
  opened_files: boolean;
}

export const FIGURES_ONLY: TopOptions = { memory_maps: false, open_connections: false, opened_files: false };

/** Reads the content of a `top` request, or the `monitor_options` of a Monitor task, whose values are text. */
export function readTopOptions(options: Json | undefined): TopOptions {
  const given: JsonObject = isObject(options) ? options : {};
  return {
    memory_maps: isOn(given.memory_maps),
    open_connections: isOn(given.open_connections),
    opened_files: isOn(given.opened_files),
  };
}

// The original took every text for yes, `0` included.
function isOn(value: Json | undefined): boolean {
  if (typeof value !== "string") return value === true || (typeof value === "number" && value !== 0);
  return !["", "0", "false", "no", "off"].includes(value.trim().toLowerCase());
}
