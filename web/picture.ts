// Draws the context: a box for each task, an arrow for each trigger and dependency. One box at a time can be reached with
// the Tab key; the arrow keys move from there.

import { cutMiddle } from "../src/cut-middle.ts";
import type { Flow, TaskDefinition, TaskSnapshot, Triggered } from "../src/http/contract/api.ts";
import { html, part, svg, symbol } from "./element.ts";
import { type Arrow, type Box, type Layout, layOut, pathThrough } from "./layout.ts";
import { lookOf } from "./states.ts";
import { bytes, percent } from "./text.ts";

export interface Picture {
  /** Selects a task, and scrolls it into view. */
  reveal(id: string): void;
  /** Draws these tasks again if they, the messages between them or the width have changed. */
  draw(tasks: readonly TaskDefinition[], flows?: readonly Flow[]): void;
  showStates(states: ReadonlyMap<string, TaskSnapshot>): void;
  showFigures(figures: ReadonlyMap<string, readonly [cpuPercent: number, residentBytes: number]>): void;
  light(triggered: Triggered): void;
  select(id: string | undefined): void;
}

interface DrawnBox {
  box: Box;
  group: SVGGElement;
  show(state: TaskSnapshot | undefined): void;
  /** Undefined where no process is measured. */
  figures(text: string | undefined): void;
}

/** How long an arrow that has fired stays lit, in milliseconds. */
const LIT_MS = 1_800;
/** Between the border of a box and its texts. */
const PADDING = 10;
const KEYS = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End"];

export function createPicture(onSelect: (id: string | undefined) => void): Picture {
  const canvas = part<HTMLElement>("canvas");
  let tasks: readonly TaskDefinition[] = [];
  let flows: readonly Flow[] = [];
  let drawn = new Map<string, DrawnBox>();
  let arrows: { arrow: Arrow; group: SVGGElement; timer?: number }[] = [];
  let states: ReadonlyMap<string, TaskSnapshot> = new Map();
  let figures: ReadonlyMap<string, readonly [number, number]> = new Map();
  let selected: string | undefined;
  let key = "";

  new ResizeObserver(() => draw(tasks, flows)).observe(canvas);

  function draw(next: readonly TaskDefinition[], nextFlows: readonly Flow[] = []): void {
    const width = canvas.clientWidth;
    const nextKey = JSON.stringify([width, next, nextFlows]);
    tasks = next;
    flows = nextFlows;
    if (nextKey === key || width === 0) return;
    key = nextKey;
    const hadFocus = canvas.contains(document.activeElement);
    const layout = layOut(next, { width, flows });
    render(layout, next);
    if (hadFocus) drawn.get(selected ?? "")?.group.focus();
  }

  function render(layout: Layout, next: readonly TaskDefinition[]): void {
    const definitions = new Map(next.map((task) => [task.id, task]));
    const boxes = layout.boxes.map((box) =>
      drawBox(box, definitions.get(box.id) as TaskDefinition, {
        isDense: layout.isDense,
        onSelect: () => onSelect(box.id),
        onKey: (event) => onKey(event, box.id),
      }),
    );
    drawn = new Map(boxes.map((one) => [one.box.id, one]));
    arrows = layout.arrows.map((arrow) => ({ arrow, group: drawArrow(arrow) }));
    drawLegend(new Set(layout.arrows.map(({ action }) => action)));
    const [width, height] = [Math.ceil(layout.width), Math.ceil(layout.height)];
    canvas.replaceChildren(
      svg(
        "svg",
        { set: { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Tasks" } },
        heads(),
        ...arrows.map(({ group }) => group),
        ...boxes.map(({ group }) => group),
      ),
    );
    showStates(states);
    showFigures(figures);
    select(selected);
  }

  function onKey(event: KeyboardEvent, id: string): void {
    if (event.key === "Enter" || event.key === " ") onSelect(id);
    else if (event.key === "Escape") onSelect(undefined);
    else if (KEYS.includes(event.key)) move(event.key, id);
    else return;
    event.preventDefault();
  }

  function move(pressed: string, id: string): void {
    const boxes = [...drawn.values()].map(({ box }) => box);
    const here = boxes.find((box) => box.id === id);
    const to =
      here && (pressed === "Home" ? boxes[0] : pressed === "End" ? boxes.at(-1) : nearest(here, boxes, pressed));
    if (to === undefined) return;
    stopAt(to.id);
    drawn.get(to.id)?.group.focus();
  }

  /** Makes this box the one that the Tab key reaches. */
  function stopAt(id: string | undefined): void {
    for (const [other, { group }] of drawn) group.setAttribute("tabindex", other === id ? "0" : "-1");
  }

  function showStates(next: ReadonlyMap<string, TaskSnapshot>): void {
    states = next;
    for (const [id, { show }] of drawn) show(next.get(id));
    showFigures(figures);
    select(selected);
  }

  function showFigures(next: ReadonlyMap<string, readonly [number, number]>): void {
    figures = next;
    for (const [id, box] of drawn) {
      // The last sample may still hold figures of a process that has ended.
      const found = states.get(id)?.pid == null ? undefined : next.get(id);
      box.figures(found === undefined ? undefined : `${percent(found[0])}  ${bytes(found[1])}`);
    }
  }

  function select(id: string | undefined): void {
    selected = id;
    for (const [other, { group }] of drawn) group.setAttribute("aria-pressed", `${other === id}`);
    for (const { arrow, group } of arrows)
      group.classList.toggle("near", id !== undefined && (arrow.from === id || arrow.to === id));
    if (![...drawn.values()].some(({ group }) => group === document.activeElement))
      stopAt(id !== undefined && drawn.has(id) ? id : drawn.keys().next().value);
  }

  return {
    draw,
    showStates,
    showFigures,
    select,
    reveal(id) {
      onSelect(id);
      drawn.get(id)?.group.scrollIntoView({ block: "nearest", inline: "nearest" });
    },
    light({ task, event, action, call }) {
      glow(drawn.get(task)?.group, "fires");
      for (const one of arrows) {
        const { arrow, group } = one;
        const isIt = arrow.from === task && arrow.action === action && arrow.events.includes(event);
        if (isIt && call.includes(arrow.to)) glow(group, "lit");
      }
    },
  };
}

const timers = new WeakMap<Element, ReturnType<typeof setTimeout>>();

// One that fires again restarts its animation, and stays lit for longer.
function glow(group: SVGGElement | undefined, name: string): void {
  if (group === undefined) return;
  clearTimeout(timers.get(group));
  group.classList.remove(name);
  group.getBoundingClientRect();
  group.classList.add(name);
  timers.set(
    group,
    setTimeout(() => group.classList.remove(name), LIT_MS),
  );
}

/** The fonts of a box, as `style.css` has them. */
const FONTS = { title: "650 13px", name: "11px", word: "600 11px", figure: "11px" } as const;
const pen = document.createElement("canvas").getContext("2d");

/** As much of a text as a box shows in that room; the whole of it is in the hint. */
function fitted(text: string, room: number, font: keyof typeof FONTS): string {
  if (pen === null) return text;
  pen.font = `${FONTS[font]} ${getComputedStyle(document.body).fontFamily}`;
  return cutMiddle(text, room, (part) => (pen as CanvasRenderingContext2D).measureText(part).width);
}

function drawBox(
  { id, x, y, width, height }: Box,
  task: TaskDefinition,
  { isDense, onSelect, onKey }: { isDense: boolean; onSelect(): void; onKey(event: KeyboardEvent): void },
): DrawnBox {
  const icon = symbol("");
  for (const [name, value] of Object.entries({ x: 10, y: isDense ? 8 : 10, width: 16, height: 16 }))
    icon.setAttribute(name, `${value}`);
  const line = (name: keyof typeof FONTS, at: [number, number], anchor = "start") =>
    svg("text", { class: name, set: { x: at[0], y: at[1], "text-anchor": anchor } });
  const [first, last] = isDense ? [20, 37] : [22, 64];
  const title = line("title", [32, first]);
  title.textContent = fitted(id, width - 32 - PADDING, "title");
  const name = line("name", [PADDING, 43]);
  name.textContent = fitted(task.instance, width - 2 * PADDING, "name");
  // A small box shows the word in place of the figures, where there are none.
  const word = line("word", [PADDING, last]);
  const figure = isDense ? line("figure", [PADDING, last]) : line("figure", [width - PADDING, last], "end");
  const hint = svg("title");
  const group = svg(
    "g",
    {
      class: "task",
      set: {
        transform: `translate(${x} ${y})`,
        role: "button",
        tabindex: -1,
        "data-task": id,
        "aria-pressed": "false",
      },
      on: { click: onSelect, keydown: (event) => onKey(event as KeyboardEvent) },
    },
    hint,
    svg("rect", { class: "halo", set: { x: -4, y: -4, width: width + 8, height: height + 8, rx: 11 } }),
    svg("rect", { class: "face", set: { width, height, rx: 8 } }),
    icon,
    title,
    ...(isDense ? [] : [name]),
    word,
    figure,
    ...(endsAll(task) ? [svg("circle", { class: "ends", set: { cx: width, cy: 0, r: 5 } })] : []),
  );
  return {
    box: { id, x, y, width, height },
    group,
    show(state) {
      const look = lookOf(state?.state ?? "defined");
      group.setAttribute("class", `task tone-${look.tone}`);
      icon.firstElementChild?.setAttribute("d", look.symbol);
      word.textContent = look.word;
      const why = state?.reason === undefined ? "" : `: ${state.reason}`;
      const text = `${id} ${task.instance}, ${look.word}${why}`;
      group.setAttribute("aria-label", text);
      hint.textContent = [text, task.description].filter((line) => line !== "").join("\n");
    },
    figures(text) {
      figure.textContent = text ?? "";
      word.toggleAttribute("hidden", isDense && text !== undefined);
    },
  };
}

function endsAll({ triggers }: TaskDefinition): boolean {
  return triggers.some(({ action }) => action === "exit");
}

function drawArrow(arrow: Arrow): SVGGElement {
  const { action, label, labelAt, points } = arrow;
  const text =
    labelAt === undefined
      ? []
      : [
          svg("text", {
            class: "label",
            text: label,
            set: { x: labelAt.x, y: labelAt.y + 4, "text-anchor": "middle" },
          }),
        ];
  const path = svg("path", { set: { d: pathThrough(points), "marker-end": `url(#head-${action})` } });
  return svg("g", { class: `arrow ${action}`, set: { "data-from": arrow.from, "data-to": arrow.to } }, path, ...text);
}

function heads(): SVGDefsElement {
  const head = (action: string) =>
    svg(
      "marker",
      {
        class: `head ${action}`,
        set: {
          id: `head-${action}`,
          viewBox: "0 0 10 10",
          refX: 9,
          refY: 5,
          markerUnits: "userSpaceOnUse",
          markerWidth: 9,
          markerHeight: 9,
          orient: "auto",
        },
      },
      svg("path", { set: { d: "M0 0L10 5L0 10z", fill: "context-stroke" } }),
    );
  return svg("defs", {}, ...ACTIONS.map(head));
}

// A distance sideways counts twice.
function nearest(here: Box, boxes: readonly Box[], key: string): Box | undefined {
  const isUpright = key === "ArrowUp" || key === "ArrowDown";
  const sign = key === "ArrowUp" || key === "ArrowLeft" ? -1 : 1;
  const ahead = boxes.flatMap((box) => {
    const [dx, dy] = [box.x - here.x, box.y - here.y];
    const forward = sign * (isUpright ? dy : dx);
    const aside = Math.abs(isUpright ? dx : dy);
    return forward > 4 ? [{ box, distance: forward + 2 * aside }] : [];
  });
  ahead.sort((one, other) => one.distance - other.distance);
  return ahead[0]?.box;
}

const ACTIONS = ["start", "stop", "restart", "needs", "event", "call"];
const MEANINGS: { readonly [action: string]: string } = { needs: "is needed by", event: "emits to", call: "calls" };

/** The meaning of the arrows that are drawn. */
function drawLegend(actions: ReadonlySet<string>): void {
  const lines = ACTIONS.filter((action) => actions.has(action)).map((action) =>
    html(
      "li",
      {},
      svg(
        "svg",
        { class: `arrow ${action}`, set: { viewBox: "0 0 28 10", width: 28, height: 10, "aria-hidden": "true" } },
        svg("path", { set: { d: "M1 5H27", "marker-end": `url(#head-${action})` } }),
      ),
      MEANINGS[action] ?? action,
    ),
  );
  part("legend").replaceChildren(...lines);
}
