// Reads the stack of an error that a module has thrown as people look at it: where in their code, without Node's own frames
// and those of the program that has loaded the module. Pure.
import { fileURLToPath } from "node:url";

const FRAME = /^\s+at /;
const INTERNAL = /^\s+at (?:.*\()?node:/;
const LOADER = /^\s+at (?:.*\()?node:internal\/modules\//;
/** `    at f (file:///srv/a.mjs:3:7)` or `    at /srv/a.ts:3:7`. */
const PLACE_OF_FRAME = /^\s+at (?:.*? \()?((?:file:\/\/)?\/.*?:\d+:\d+)\)?$/;
/** What stands above a syntax error: `/srv/a.cjs:3`. */
const PLACE_OF_HEAD = /^((?:file:\/\/)?\/.*:\d+)$/;

/** The first place in the user's code, as `/srv/a.ts:3:7`; undefined where the stack names none. */
export function placeIn(stack: string): string | undefined {
  const lines = ownPartOf(stack).split("\n");
  const frame = lines.find((line) => FRAME.test(line)) ?? "";
  const place = PLACE_OF_HEAD.exec(lines[0] ?? "")?.[1] ?? PLACE_OF_FRAME.exec(frame)?.[1];
  return place === undefined ? undefined : asPath(place);
}

/** The stack up to where a loader was called for the module, without the frames of Node itself. */
export function ownPartOf(stack: string): string {
  const lines = stack.split("\n");
  const outermost = lines.findLastIndex((line) => LOADER.test(line));
  const within = outermost < 0 ? lines : lines.slice(0, outermost);
  return within.filter((line) => !INTERNAL.test(line)).join("\n");
}

function asPath(place: string): string {
  if (!place.startsWith("file://")) return place;
  const [, url = "", position = ""] = /^(.*?)(:\d+(?::\d+)?)$/.exec(place) ?? [];
  return `${fileURLToPath(url)}${position}`;
}
