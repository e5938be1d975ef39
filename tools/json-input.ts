// Reads JSON that somebody has typed, and says where it goes wrong. Pure.
import { ZcontextError } from "../src/errors.ts";
import type { Json } from "../src/protocol/json.ts";

/** How much of what came instead is shown, in characters. */
const SHOWN = 20;

/**
 * @param what - Where the text is from, such as `--content`.
 * @throws {ZcontextError} `ERR_USAGE` with line and column, and what stands there.
 */
export function readJson(text: string, what: string, command: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ZcontextError("ERR_USAGE", `${what}: expected JSON, got ${faultIn(text, error)}`, {
      hint: `In a shell, single quotes keep JSON together: ${what} '{"id": 7}'. \`${command} --help\` lists the options.`,
    });
  }
}

function faultIn(text: string, error: unknown): string {
  if (text.trim() === "") return "nothing";
  const at = positionOf(text, error);
  if (at === undefined) return JSON.stringify(text.slice(0, SHOWN));
  const lines = text.slice(0, at).split("\n");
  const place = `at line ${lines.length}, column ${(lines.at(-1) ?? "").length + 1}`;
  const rest = text.slice(at);
  if (rest === "") return `the end of the text ${place}`;
  return `${JSON.stringify(rest.slice(0, SHOWN))}${rest.length > SHOWN ? "…" : ""} ${place}`;
}

function positionOf(text: string, error: unknown): number | undefined {
  const message = error instanceof Error ? error.message : "";
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  if (position !== undefined) return Number(position);
  if (message.includes("end of JSON")) return text.length;
  // V8 names an unexpected token without its place: that is the end of the shortest beginning of the text that has one.
  let [good, bad] = [0, text.length];
  if (!hasUnexpectedToken(text)) return undefined;
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (hasUnexpectedToken(text.slice(0, middle))) bad = middle;
    else good = middle;
  }
  return bad - 1;
}

function hasUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return error instanceof Error && error.message.endsWith("is not valid JSON");
  }
}
