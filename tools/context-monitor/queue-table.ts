// The messages between services as the monitor shows them: what an overview tells of them, and the table of queues. Pure.

import { cutMiddle } from "../../src/cut-middle.ts";
import type { QueueFigures } from "../../src/protocol/bus-figures.ts";
import { isObject, type Json } from "../../src/protocol/json.ts";
import { ellipsisOf, type Line, type Piece, type Terminal } from "./terminal/pieces.ts";
import type { Style } from "./terminal/states.ts";
import { clean, columnsOf, duration, fill } from "./terminal/text.ts";

/** What is known of messages. */
export interface Bus {
  queues: readonly QueueFigures[];
  /** Queues that are not among them. */
  leftOut: number;
  members: number;
  /** Calls that wait, and that are carried out. */
  calls: number;
  trouble: string | undefined;
}

/** Of the member `bus` of an overview; undefined where there is none. */
export function busIn(value: Json | undefined): Bus | undefined {
  if (!isObject(value)) return undefined;
  const { queues, left_out, members, calls, trouble } = value;
  const { waiting, running } = isObject(calls) ? calls : {};
  return {
    queues: Array.isArray(queues) ? queues.filter(isObject).map(queueIn) : [],
    leftOut: number(left_out),
    members: number(members),
    calls: number(waiting) + number(running),
    trouble: typeof trouble === "string" ? clean(trouble) : undefined,
  };
}

function queueIn(queue: { [name: string]: Json | undefined }): QueueFigures {
  const { event, group, stalled_s } = queue;
  return {
    ...{ event: clean(String(event ?? "")), group: clean(String(group ?? "")), ready: number(queue.ready) },
    ...{ in_flight: number(queue.in_flight), delayed: number(queue.delayed), dead: number(queue.dead) },
    ...{ members: number(queue.members), rate_per_s: number(queue.rate_per_s) },
    ...(typeof stalled_s === "number" && { stalled_s }),
  };
}

function number(value: Json | undefined): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

interface Column {
  head: string;
  text(queue: QueueFigures): string;
  style?(queue: QueueFigures): Style | undefined;
}

const FIGURES: readonly Column[] = [
  {
    head: "READY",
    text: ({ ready }) => `${ready}`,
    style: ({ stalled_s, ready, members }) =>
      stalled_s !== undefined ? "red" : ready > 0 && members === 0 ? "yellow" : undefined,
  },
  { head: "IN FLIGHT", text: ({ in_flight }) => `${in_flight}` },
  { head: "DELAYED", text: ({ delayed }) => `${delayed}` },
  { head: "DEAD", text: ({ dead }) => `${dead}`, style: ({ dead }) => (dead > 0 ? "red" : undefined) },
  { head: "MEMBERS", text: ({ members }) => `${members}` },
  { head: "PER S", text: ({ rate_per_s }) => rate_per_s.toFixed(1) },
];
const GAP = "  ";
const INDENT = "  ";
/** Below this width names say nothing: the last columns give way. */
const MIN_NAME = 8;
const natural = new Intl.Collator("en", { numeric: true });

/** The table of queues in that many columns, or why there is none. */
export function queueLines(bus: Bus | undefined, columns: number, terminal: Terminal): Line[] {
  if (bus === undefined) return [{ text: "" }, { text: `${INDENT}No program has sent a message to another one yet.` }];
  const { queues, leftOut, members, calls, trouble } = bus;
  const sums = `${INDENT}${counted(members, "program")}, ${counted(calls, "call")} under way`;
  const about: Line = trouble === undefined ? { text: sums, style: "gray" } : { text: INDENT + trouble, style: "red" };
  if (queues.length === 0) return [about, { text: `${INDENT}No group listens to an event.` }];
  const sorted = queues.toSorted((a, b) => natural.compare(a.event, b.event) || natural.compare(a.group, b.group));
  const more = leftOut === 0 ? [] : [{ text: `${INDENT}and ${leftOut} shorter ones`, style: "gray" as const }];
  return [about, ...tableOf(sorted, columns, terminal), ...more];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function tableOf(queues: readonly QueueFigures[], columns: number, terminal: Terminal): Line[] {
  const figures = FIGURES.map((column) => ({
    ...column,
    width: Math.max(column.head.length, ...queues.map((queue) => column.text(queue).length)),
  }));
  const nameRoom = () =>
    columns - INDENT.length - GAP.length - figures.reduce((sum, { width }) => sum + GAP.length + width, 0);
  while (figures.length > 1 && nameRoom() < 2 * MIN_NAME) figures.pop();
  const [event, group] = namesIn(queues, Math.max(2, nameRoom()));
  const name = (text: string, width: number) => fill(cutMiddle(text, width, columnsOf, ellipsisOf(terminal)), width);
  const head = [fill("EVENT", event), fill("GROUP", group), ...figures.map(({ head, width }) => head.padStart(width))];
  const rows = queues.map((queue): Piece[] => [
    { text: INDENT + name(queue.event, event) + GAP + name(queue.group, group) },
    ...figures.flatMap(({ text, style, width }): Piece[] => [
      { text: GAP },
      { text: text(queue).padStart(width), style: style?.(queue) },
    ]),
    ...stalledIn(queue),
  ]);
  return [{ text: INDENT + head.join(GAP), style: "bold" }, ...rows];
}

/** At the end of the row, where a narrow terminal cuts it: the colour says it as well. */
function stalledIn({ stalled_s }: QueueFigures): Piece[] {
  return stalled_s === undefined ? [] : [{ text: `${GAP}nothing settled for ${duration(stalled_s)}`, style: "red" }];
}

/** The widths of both names: what they need, and where that is too much the longer one gives way. */
function namesIn(queues: readonly QueueFigures[], room: number): [event: number, group: number] {
  const longest = (head: string, nameOf: (queue: QueueFigures) => string) =>
    Math.max(head.length, ...queues.map((queue) => columnsOf(nameOf(queue))));
  const event = longest("EVENT", (queue) => queue.event);
  const group = longest("GROUP", (queue) => queue.group);
  if (event + group <= room) return [event, group];
  const half = Math.floor(room / 2);
  const shorter = Math.min(event, group, half);
  return event <= group ? [shorter, room - shorter] : [room - shorter, shorter];
}
