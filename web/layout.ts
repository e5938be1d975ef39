// Places the tasks and routes the arrows between them. dagre lays out each group of connected tasks; the groups are placed
// beside each other in rows. Pure.
import dagre from "@dagrejs/dagre";
import type { TaskDefinition } from "../src/http/api.ts";

export interface Box {
  id: string;
  /** Of its upper left corner. */
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Arrow {
  from: string;
  to: string;
  /** The action of the trigger; `needs` for a dependency. */
  action: string;
  events: readonly string[];
  label: string;
  points: readonly Point[];
  /** The middle of the label; absent in a dense layout. */
  labelAt?: Point | undefined;
}

export interface Point {
  x: number;
  y: number;
}

export interface Layout {
  width: number;
  height: number;
  boxes: readonly Box[];
  arrows: readonly Arrow[];
  /** Small boxes, and no labels. */
  isDense: boolean;
}

const WIDE = { width: 172, height: 58 };
const DENSE = { width: 136, height: 44 };
/** With more tasks than this the boxes are small. */
const MAX_WIDE = 30;
const MARGIN = 14;
const GAP = 18;
/** A trigger that calls all of more tasks than this has no arrows; the details of its task name it. */
const MAX_CALLED = 8;

type Link = Pick<Arrow, "from" | "to" | "action" | "label"> & { events: string[] };

export function layOut(tasks: readonly TaskDefinition[], { width }: { width: number }): Layout {
  const isDense = tasks.length > MAX_WIDE;
  const links = linksOf(tasks);
  const groups = groupsOf(
    tasks.map(({ id }) => id),
    links,
  );
  const parts = groups.map((ids) => layOutGroup(ids, links, { width: width - 2 * MARGIN, isDense }));
  // The large groups first; single tasks fill the rows at the end.
  parts.sort((one, other) => other.boxes.length - one.boxes.length);
  return { ...placeInRows(parts, width), isDense };
}

/** The arrows, one for each action from one task to another. */
function linksOf(tasks: readonly TaskDefinition[]): Link[] {
  const ids = new Set(tasks.map(({ id }) => id));
  const links = new Map<string, Link>();
  const add = (from: string, to: string, action: string, event?: string) => {
    if (!ids.has(from) || !ids.has(to)) return;
    const key = JSON.stringify([from, to, action]);
    const link = links.get(key) ?? { from, to, action, label: action, events: [] };
    if (event !== undefined) link.events.push(event);
    link.label = link.events.length === 0 ? action : `${link.events.join(", ")}: ${action}`;
    links.set(key, link);
  };
  for (const { id, triggers, dependsOn } of tasks) {
    for (const other of dependsOn) add(other, id, "needs");
    for (const { event, action, call, callsAll } of triggers)
      if (!callsAll || call.length <= MAX_CALLED) for (const called of call) add(id, called, action, event);
  }
  return [...links.values()];
}

function groupsOf(ids: readonly string[], links: readonly Link[]): string[][] {
  const neighbours = new Map(ids.map((id) => [id, new Set<string>()]));
  for (const { from, to } of links) {
    neighbours.get(from)?.add(to);
    neighbours.get(to)?.add(from);
  }
  const seen = new Set<string>();
  return ids.flatMap((id) => {
    if (seen.has(id)) return [];
    const group = new Set([id]);
    for (const member of group) for (const next of neighbours.get(member) ?? []) group.add(next);
    for (const member of group) seen.add(member);
    // In the order of the file.
    return [ids.filter((one) => group.has(one))];
  });
}

type Part = Omit<Layout, "isDense">;

// From left to right where that fits, from top to bottom otherwise.
function layOutGroup(
  ids: readonly string[],
  links: readonly Link[],
  { width, isDense }: { width: number; isDense: boolean },
): Part {
  const own = links.filter(({ from }) => ids.includes(from));
  const across = arrange(ids, own, { rankdir: "LR", isDense });
  if (across.width <= width) return across;
  const down = arrange(ids, own, { rankdir: "TB", isDense });
  return down.width <= width || down.width < across.width ? down : across;
}

function arrange(
  ids: readonly string[],
  links: readonly Link[],
  { rankdir, isDense }: { rankdir: "LR" | "TB"; isDense: boolean },
): Part {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir, nodesep: isDense ? 16 : 26, ranksep: isDense ? 30 : 36, edgesep: 14 });
  for (const id of ids) graph.setNode(id, { ...(isDense ? DENSE : WIDE) });
  const between = links.filter(({ from, to }) => from !== to);
  for (const [index, { from, to, label }] of between.entries()) {
    const room = isDense ? {} : { width: label.length * 6.2 + 10, height: 16, labelpos: "c" };
    graph.setEdge(from, to, { ...room }, `${index}`);
  }
  dagre.layout(graph);
  const boxes = ids.map((id) => {
    const { x, y, width, height } = graph.node(id) as Box;
    return { id, x: x - width / 2, y: y - height / 2, width, height };
  });
  const arrows = between.map((link, index) => {
    const edge = graph.edge(link.from, link.to, `${index}`) as { points: Point[]; x?: number; y?: number };
    const { points, x, y } = edge;
    const labelAt = isDense || x === undefined || y === undefined ? undefined : { x, y };
    return { ...link, points, labelAt };
  });
  const loops = links.filter(({ from, to }) => from === to);
  const beside = loops.map((link) => loopAt(boxes.find(({ id }) => id === link.from) as Box, link, isDense));
  return trim(boxes, [...arrows, ...beside]);
}

// A task that calls itself: around its lower right corner, with the label below, where dagre has left room.
function loopAt({ x, y, width, height }: Box, link: Link, isDense: boolean): Arrow {
  const [right, bottom] = [x + width, y + height];
  const points = [
    { x: right - 26, y: bottom },
    { x: right - 26, y: bottom + 15 },
    { x: right + 15, y: bottom + 15 },
    { x: right + 15, y: bottom - 16 },
    { x: right, y: bottom - 16 },
  ];
  const labelAt = isDense ? undefined : { x: right - 34 - link.label.length * 3, y: bottom + 10 };
  return { ...link, points, labelAt };
}

// Loops and labels may lie outside of the area that dagre reports.
function trim(boxes: Box[], arrows: Arrow[]): Part {
  const corners = [
    ...boxes.flatMap(({ x, y, width, height }) => [
      { x, y },
      { x: x + width, y: y + height },
    ]),
    ...arrows.flatMap(({ points }) => points),
    ...arrows.flatMap(({ labelAt, label }) => (labelAt === undefined ? [] : labelCorners(labelAt, label))),
  ];
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return { ...moved({ boxes, arrows }, -left, -top), width: Math.max(...xs) - left, height: Math.max(...ys) - top };
}

function labelCorners({ x, y }: Point, label: string): Point[] {
  const half = label.length * 3.1 + 5;
  return [
    { x: x - half, y: y - 8 },
    { x: x + half, y: y + 8 },
  ];
}

function moved({ boxes, arrows }: Pick<Part, "boxes" | "arrows">, dx: number, dy: number) {
  const shift = ({ x, y }: Point) => ({ x: x + dx, y: y + dy });
  return {
    boxes: boxes.map((box) => ({ ...box, ...shift(box) })),
    arrows: arrows.map((arrow) => ({
      ...arrow,
      points: arrow.points.map(shift),
      labelAt: arrow.labelAt && shift(arrow.labelAt),
    })),
  };
}

function placeInRows(parts: readonly Part[], width: number): Part {
  const placed: Pick<Part, "boxes" | "arrows">[] = [];
  let [x, y, rowHeight, usedWidth] = [MARGIN, MARGIN, 0, 0];
  for (const part of parts) {
    if (x > MARGIN && x + part.width > width - MARGIN) {
      [x, y, rowHeight] = [MARGIN, y + rowHeight + GAP, 0];
    }
    placed.push(moved(part, x, y));
    usedWidth = Math.max(usedWidth, x + part.width + MARGIN);
    x += part.width + GAP;
    rowHeight = Math.max(rowHeight, part.height);
  }
  return {
    boxes: placed.flatMap(({ boxes }) => boxes),
    arrows: placed.flatMap(({ arrows }) => arrows),
    width: usedWidth,
    height: y + rowHeight + MARGIN,
  };
}

/** A path through the points, rounded at each. */
export function pathThrough(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return "";
  const round = (value: number) => Math.round(value * 10) / 10;
  const at = ({ x, y }: Point) => `${round(x)} ${round(y)}`;
  const curves = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] as Point;
    const isLast = index === rest.length - 2;
    const end = isLast ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${at(point)} ${at(end)}`;
  });
  return `M${at(first)}${curves.length === 0 ? `L${at(last)}` : curves.join("")}`;
}
