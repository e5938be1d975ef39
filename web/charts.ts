// Charts of CPU and memory of the tasks over time. uPlot draws the lines; a legend below names the task and the value of
// each.
import uPlot from "uplot";
import { html, part, svg } from "./element.ts";
import { highest, noRows, type Rows, recent } from "./figures.ts";
import { createLineLooks, type LineLook, type LineLooks } from "./line-looks.ts";
import { DAY_MS, FIRST_SPAN, HOUR_MS, type Span } from "./spans.ts";
import { bytes, clock, moment, percent } from "./text.ts";

export interface Charts {
  /** The tasks of the context, in their order: each has its colour by that. */
  know(ids: Iterable<string>): void;
  show(rows: Rows): void;
  select(id: string | undefined): void;
  /** Offers these spans for choice. */
  offer(spans: readonly Span[]): void;
}

export interface ChartsOptions {
  onSelect(id: string): void;
  /** The user has chosen a span. */
  onSpan(spanMs: number): void;
}

/** How many lines a chart has at most: more can't be told apart. */
const MOST = 8;

/** Possible distances between two lines of the grid. */
const STEPS = [0.5, 1, 2, 5, 10, 20, 25, 50, 100, 200, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 65_536];

const CHARTS = [
  { id: "cpu", name: "cpuPercent", format: percent, steps: STEPS },
  { id: "memory", name: "residentBytes", format: bytes, steps: STEPS.map((step) => step * 2 ** 20) },
] as const;

// Points for values without neighbours: a task that ran for a second has one value, and no line.
function alone({ data }: uPlot, index: number): number[] {
  const values = data[index] ?? [];
  const isThere = (place: number) => (values[place] ?? null) !== null;
  return [...values.keys()].filter((place) => isThere(place) && !isThere(place - 1) && !isThere(place + 1));
}

export function createCharts({ onSelect, onSpan }: ChartsOptions): Charts {
  let rows: Rows = noRows();
  let selected: string | undefined;
  let chosen = FIRST_SPAN;
  const looks = createLineLooks();
  const charts = CHARTS.map((chart) => createChart(chart, { looks, onSelect }));
  const show = () => {
    for (const chart of charts) chart.show(rows, { selected, spanMs: chosen.ms });
  };

  function buttonOf(span: Span): HTMLElement {
    const set = { type: "button", "aria-pressed": `${span === chosen}` };
    const button = html("button", { text: span.name, set });
    button.addEventListener("click", () => {
      chosen = span;
      for (const other of part("spans").children) other.setAttribute("aria-pressed", `${other === button}`);
      onSpan(span.ms);
    });
    return button;
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const chart of charts) chart.forget();
    show();
  });
  new ResizeObserver(show).observe(part("charts"));

  return {
    know: looks.know,
    show(next) {
      rows = next;
      show();
    },
    select(id) {
      selected = id;
      show();
    },
    offer(spans) {
      if (part("spans").children.length !== spans.length) part("spans").replaceChildren(...spans.map(buttonOf));
    },
  };
}

/** From a little below 0, so that a line at 0 is seen whole. */
function rangeTo(most: number | null, least: number): [number, number] {
  const to = Math.max((most ?? 0) * 1.1, least);
  return [-0.02 * to, to];
}

function swatch({ colour, dashes }: LineLook): SVGSVGElement {
  return svg(
    "svg",
    { class: `swatch line-${colour}`, set: { viewBox: "0 0 28 4", "aria-hidden": "true" } },
    svg("path", { set: { d: "M0 2H28", "stroke-dasharray": dashes.join(" ") || undefined } }),
  );
}

interface Chart {
  show(rows: Rows, options: { selected: string | undefined; spanMs: number }): void;
  /** Has the next `show` draw everything again. */
  forget(): void;
}

function createChart(
  { id, name, format, steps }: (typeof CHARTS)[number],
  { looks, onSelect }: { looks: LineLooks; onSelect(id: string): void },
): Chart {
  const room = part(`${id}-chart`);
  const legend = part(`${id}-legend`);
  let plot: uPlot | undefined;
  let key = "";
  let ids: string[] = [];
  let values: readonly (readonly (number | null)[])[] = [];
  let shownMs = 0;
  let labels: HTMLElement[] = [];

  function begin(width: number, selected: string | undefined): void {
    plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (variable: string) => style.getPropertyValue(variable).trim();
    const axis: uPlot.Axis = {
      stroke: colour("--muted"),
      grid: { stroke: colour("--grid"), width: 1 },
      ticks: { stroke: colour("--grid"), width: 1 },
      font: "11px system-ui, sans-serif",
    };
    const upright: uPlot.Axis = { ...axis, size: 62, incrs: steps, values: (_, splits) => splits.map(format) };
    const isLong = shownMs > HOUR_MS;
    const timeOf = (atMs: number) => (isLong ? moment(atMs, shownMs) : clock(atMs));
    const times = (_: uPlot, splits: number[]) => splits.map((seconds) => timeOf(seconds * 1_000));
    const lines = ids.map((task) => ({
      label: task,
      stroke: colour(`--line-${looks.of(task).colour}`),
      width: task === selected ? 3 : 1.5,
      dash: [...looks.of(task).dashes],
      points: { show: true, size: 5, filter: alone },
    }));
    const options: uPlot.Options = {
      width,
      height: 170,
      legend: { show: false },
      cursor: { sync: { key: "time" }, drag: { x: false, y: false }, y: false },
      scales: { y: { range: (_, __, most) => rangeTo(most, name === "cpuPercent" ? 1 : 2 ** 20) } },
      axes: [{ ...axis, size: 30, space: shownMs < DAY_MS ? 76 : 104, values: times }, upright],
      series: [{}, ...lines],
      hooks: { setCursor: [({ cursor }) => showValues(cursor.idx ?? undefined)] },
    };
    plot = new uPlot(options, [[], ...ids.map(() => [])], room);
    labels = ids.map(() => html("span", { class: "value" }));
    const items = ids.map((task, index) =>
      html(
        "li",
        {},
        html(
          "button",
          { set: { type: "button", "aria-pressed": `${task === selected}` }, on: { click: () => onSelect(task) } },
          swatch(looks.of(task)),
          html("span", { class: "of", text: task }),
          labels[index] as HTMLElement,
        ),
      ),
    );
    legend.replaceChildren(...items);
  }

  /** Shows the values at an index in the legend, or the last ones. */
  function showValues(index: number | undefined): void {
    for (const [line, label] of labels.entries()) {
      const column = values[line] ?? [];
      const value = column[index ?? column.length - 1];
      label.textContent = value === null || value === undefined ? "–" : format(value);
    }
  }

  return {
    show(rows, { selected, spanMs }) {
      const { timesMs, tasks } = recent(rows, name, spanMs);
      ids = highest(tasks, { most: MOST, wanted: selected === undefined ? [] : [selected] });
      const width = room.clientWidth;
      room.classList.toggle("empty", ids.length === 0);
      const others = tasks.size - ids.length;
      part(`${id}-others`).textContent = others > 0 ? `the highest ${ids.length} of ${tasks.size} tasks` : "";
      if (width === 0) return;
      shownMs = spanMs;
      const nextKey = JSON.stringify([width, ids, selected, spanMs]);
      if (nextKey !== key) begin(width, selected);
      key = nextKey;
      values = ids.map((task) => tasks.get(task) ?? []);
      plot?.setData([timesMs.map((time) => time / 1_000), ...values] as uPlot.AlignedData);
      showValues(plot?.cursor.idx ?? undefined);
    },
    forget() {
      key = "";
    },
  };
}
