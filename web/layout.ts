// Places the tasks and routes the arrows between them. dagre lays out each group of connected tasks; the groups are packed
// beside and below each other. Pure.
import dagre from "@dagrejs/dagre";
import type { Flow, TaskDefinition } from "../src/http/contract/api.ts";

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
  /** The action of the trigger; `needs` for a dependency, `event` and `call` for messages. */
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

const WIDE = { width: 196, height: 76 };
const DENSE = { width: 158, height: 46 };
/** With more tasks than this the boxes are small. */
const MAX_WIDE = 30;
/** How far the arrow of a task that calls itself reaches beyond it, its label included. */
const LOOP = { width: 16, height: 20 };
/** Between two arrows beside a column. */
const LANE = 9;
const MARGIN = 14;
const GAP = 18;
/** A trigger that calls all of more tasks than this has no arrows; the details of its task name it. */
const MAX_CALLED = 8;

/** The longest name of a message beside its arrow. */
const MAX_LABEL = 28;

type Link = Pick<Arrow, "from" | "to" | "action" | "label"> & { events: string[] };

/** @param flows - Messages between services; each service is the tasks of its name. */
export function layOut(
  tasks: readonly TaskDefinition[],
  { width, flows = [] }: { width: number; flows?: readonly Flow[] },
): Layout {
  const isDense = tasks.length > MAX_WIDE;
  const links = [...linksOf(tasks), ...messageLinksOf(tasks, flows)];
  const groups = groupsOf(
    tasks.map(({ id }) => id),
    links,
  );
  const parts = groups.map((ids) => layOutGroup(ids, links, { width: width - 2 * MARGIN, isDense }));
  // The large groups first; single tasks fill the rows at the end.
  parts.sort((one, other) => other.boxes.length - one.boxes.length);
  return { ...pack(parts, width), isDense };
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
    // One that ends the transaction is marked at its task: it leads to no other.
    for (const { event, action, call, callsAll } of triggers.filter(({ action }) => action !== "exit"))
      if (!callsAll || call.length <= MAX_CALLED) for (const called of call) add(id, called, action, event);
  }
  return [...links.values()];
}

/** An arrow for the events from one task to another, and one for its calls. */
function messageLinksOf(tasks: readonly TaskDefinition[], flows: readonly Flow[]): Link[] {
  const of = (service: string) => tasks.filter(({ serviceName }) => serviceName === service);
  const names = new Map<string, { from: string; to: string; action: Flow["kind"]; names: string[] }>();
  for (const { kind: action, name, from, to } of flows)
    for (const { id: source } of of(from))
      for (const { id: target } of of(to)) {
        const key = JSON.stringify([source, target, action]);
        const link = names.get(key) ?? { from: source, to: target, action, names: [] };
        link.names.push(action === "call" ? `${name}()` : name);
        names.set(key, link);
      }
  return [...names.values()].map(({ names, ...link }) => ({ ...link, label: labelOf(names.sort()), events: [] }));
}

function labelOf([first = "", ...others]: readonly string[]): string {
  const name = first.length > MAX_LABEL ? `${first.slice(0, MAX_LABEL - 1)}…` : first;
  return others.length === 0 ? name : `${name} +${others.length}`;
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

// From left to right where that fits, else from top to bottom, else in one column.
function layOutGroup(
  ids: readonly string[],
  links: readonly Link[],
  { width, isDense }: { width: number; isDense: boolean },
): Part {
  const own = links.filter(({ from }) => ids.includes(from));
  const across = arrange(ids, own, { rankdir: "LR", isDense });
  if (across.width <= width) return across;
  const down = arrange(ids, own, { rankdir: "TB", isDense });
  return down.width <= width ? down : inColumn(ids, own, { width, isDense });
}

// One below the other, the arrows beside them without labels, each in a lane that is free for as long as it goes.
function inColumn(
  ids: readonly string[],
  links: readonly Link[],
  { width, isDense }: { width: number; isDense: boolean },
): Part {
  const own = isDense ? DENSE : WIDE;
  const boxes = ids.map((id, index) => ({ id, x: 0, y: index * (own.height + GAP), ...own }));
  const placeOf = new Map(boxes.map((box) => [box.id, box]));
  const lanes = Math.max(1, Math.floor((width - own.width) / LANE) - 1);
  const taken: { top: number; bottom: number; lane: number }[] = [];
  const arrows = links.map((link, index): Arrow => {
    const [from, to] = [placeOf.get(link.from) as Box, placeOf.get(link.to) as Box];
    // Arrows leave below the middle and arrive above it, so that both ends of a task can be told apart.
    const [start, end] = [from.y + from.height * 0.7, to.y + to.height * 0.3];
    const [top, bottom] = [Math.min(start, end), Math.max(start, end)];
    const busy = taken.filter((one) => one.top <= bottom && top <= one.bottom).map(({ lane }) => lane);
    const free = Array.from({ length: lanes }, (_, lane) => lane).find((lane) => !busy.includes(lane));
    const lane = free ?? index % lanes;
    taken.push({ top, bottom, lane });
    const x = own.width + (lane + 1) * LANE;
    const points = [
      { x: own.width, y: start },
      { x, y: start },
      { x, y: end },
      { x: own.width, y: end },
    ];
    return { ...link, points };
  });
  return trim(boxes, arrows);
}

function arrange(
  ids: readonly string[],
  links: readonly Link[],
  { rankdir, isDense }: { rankdir: "LR" | "TB"; isDense: boolean },
): Part {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir, nodesep: isDense ? 16 : 26, ranksep: isDense ? 30 : 36, edgesep: 14 });
  const between = links.filter(({ from, to }) => from !== to);
  const loops = links.filter(({ from, to }) => from === to);
  const own = isDense ? DENSE : WIDE;
  // A task that calls itself needs room for that arrow as well.
  for (const id of ids) {
    const isLooped = loops.some(({ from }) => from === id);
    graph.setNode(id, isLooped ? { width: own.width + LOOP.width, height: own.height + LOOP.height } : { ...own });
  }
  for (const [index, { from, to, label }] of between.entries()) {
    const room = isDense ? {} : { width: label.length * 6.2 + 10, height: 16, labelpos: "c" };
    graph.setEdge(from, to, { ...room }, `${index}`);
  }
  dagre.layout(graph);
  const boxes = ids.map((id) => {
    const { x, y, width, height } = graph.node(id) as Box;
    return { id, x: x - width / 2, y: y - height / 2, ...own };
  });
  const arrows = between.map((link, index) => {
    const edge = graph.edge(link.from, link.to, `${index}`) as { points: Point[]; x?: number; y?: number };
    const { x, y } = edge;
    const [from, to] = [link.from, link.to].map((id) => boxes.find((box) => box.id === id) as Box) as [Box, Box];
    const points = reaching(edge.points, from, to);
    const labelAt = isDense || x === undefined || y === undefined ? undefined : { x, y };
    return { ...link, points, labelAt };
  });
  const beside = loops.map((link) => loopAt(boxes.find(({ id }) => id === link.from) as Box, link, isDense));
  return trim(boxes, [...arrows, ...beside]);
}

/** With the ends on the borders of the boxes: where a box leaves room for a loop, dagre ends at the border of that. */
function reaching(points: readonly Point[], from: Box, to: Box): Point[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return [];
  const [begin, end] = [nearestOn(from, first), nearestOn(to, last)];
  return [...(isSame(begin, first) ? [] : [begin]), ...points, ...(isSame(end, last) ? [] : [end])];
}

function nearestOn({ x, y, width, height }: Box, point: Point): Point {
  return { x: Math.max(x, Math.min(point.x, x + width)), y: Math.max(y, Math.min(point.y, y + height)) };
}

function isSame(one: Point, other: Point): boolean {
  return Math.abs(one.x - other.x) < 1 && Math.abs(one.y - other.y) < 1;
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

// Each part goes as far up as it can, and there as far left: a high one leaves its neighbours room for several rows.
function pack(parts: readonly Part[], width: number): Part {
  const placed: { at: Point; part: Part }[] = [];
  for (const part of parts) {
    const lefts = [MARGIN, ...placed.map(({ at, part: other }) => at.x + other.width + GAP)];
    const places = lefts
      .filter((x) => x === MARGIN || x + part.width <= width - MARGIN)
      .map((x) => ({ x, y: firstRoom(placed, { x, width: part.width }) }));
    const at = places.reduce((best, one) => (one.y < best.y || (one.y === best.y && one.x < best.x) ? one : best));
    placed.push({ at, part });
  }
  const shown = placed.map(({ at, part }) => moved(part, at.x, at.y));
  return {
    boxes: shown.flatMap(({ boxes }) => boxes),
    arrows: shown.flatMap(({ arrows }) => arrows),
    width: Math.max(0, ...placed.map(({ at, part }) => at.x + part.width)) + MARGIN,
    height: Math.max(0, ...placed.map(({ at, part }) => at.y + part.height)) + MARGIN,
  };
}

/** The height below all that is placed within these columns. */
function firstRoom(placed: readonly { at: Point; part: Part }[], { x, width }: { x: number; width: number }): number {
  const above = placed.filter(({ at, part }) => at.x < x + width + GAP && x < at.x + part.width + GAP);
  return Math.max(MARGIN, ...above.map(({ at, part }) => at.y + part.height + GAP));
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
