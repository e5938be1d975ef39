// Draws the details of one task as lines, and the help of the live table. Pure.
import { isObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { describeStream } from "../../src/protocol/stream-figures.ts";
import { readStreamFigures } from "../../src/protocol/stream-report.ts";
import { wordsFor } from "../../src/protocol/task-state.ts";
import { MIB_BYTES } from "../../src/units.ts";
import { nextRunWords } from "../log-view.ts";
import { eventText, type TaskEvent, type TaskRow } from "./model.ts";
import type { Line, Piece } from "./terminal/pieces.ts";
import { stateText, styleOf } from "./terminal/states.ts";
import { clean, cpuScale, duration, fill, memoryScale, sparkline, timeOfDay, valueText } from "./terminal/text.ts";

/** The keys and the figures; a legend of the states follows. */
export const HELP: readonly string[] = [
  "Keys",
  "",
  "Up k, Down j           choose a task, or scroll",
  "PgUp PgDn, Home End    a page, the first, the last",
  "Enter                  all figures of the chosen task, and back",
  "l                      its log: / searches, End follows",
  "w                      why it stands where it does",
  "S, X, R                start, stop, restart it; S where none runs starts all",
  "m                      messages between services: the queues, and back",
  "D                      dead letters: Enter opens, R replays, X forgets",
  "/                      filter by task, service, state, transaction",
  "s, r                   sort by the next column; the other way round",
  "Esc                    back; in the table, clear the filter",
  "Ctrl-Z                 suspend",
  "q, Ctrl-C              quit",
  "",
  "CPU and MEM are of a task's process and all that descend from it. 100 % is",
  "one core; MEM is PSS, or RSS where that can't be read. RUNS is yellow where",
  "ends count for the restart intensity.",
  "",
  "States",
];

/** How many samples are drawn. */
const SAMPLES = 60;

export function detailLines(row: TaskRow, { columns, isUnicode }: { columns: number; isUnicode: boolean }): Line[] {
  return [
    [
      { text: `${row.id}`, style: "bold" },
      { text: "  " },
      { text: stateText(row.state, isUnicode), style: styleOf(row.state) },
      // Last, since a long name is cut where the line ends.
      { text: `  ${[row.service, row.instance].filter((word) => word !== "").join("  ")}` },
    ],
    { text: factsOf(row) },
    ...(row.reason === undefined ? [] : [{ text: row.reason, style: "yellow" as const }]),
    { text: "" },
    ...loadLines(row, { columns, isUnicode }),
    ...figureLines(row.figures ?? {}, columns),
    ...childLines(row.figures ?? {}, isUnicode),
    ...streamLines(row.figures ?? {}),
    ...eventLines(
      "Transitions",
      row.transitions.map(({ from, to, words, atMs }) => ({
        atMs,
        words: `${wordsFor(from) || "?"} ${isUnicode ? "→" : "->"} ${wordsFor(to)}: ${words}`,
      })),
    ),
    ...eventLines("Announcements", row.announcements),
  ];
}

function factsOf({ transaction, pid, runs, restarts, uptimeS, nextRun }: TaskRow): string {
  return [
    pid === undefined ? "no process" : `pid ${pid}`,
    uptimeS === undefined ? "" : `up ${duration(uptimeS)}`,
    `runs ${runs}`,
    restarts === undefined ? "" : `restarts counted ${restarts}`,
    nextRun === undefined ? "" : nextRunWords(nextRun),
    `transaction ${transaction}`,
  ]
    .filter((fact) => fact !== "")
    .join("  ");
}

// --- figures -----------------------------------------------------------------------------------------------------------

function loadLines(
  { cpu, memory, memoryFigure, figures = {}, cpuHistory, memoryHistory }: TaskRow,
  { columns, isUnicode }: { columns: number; isUnicode: boolean },
): Piece[][] {
  if (cpu === undefined && memory === undefined) return [];
  const width = Math.max(0, Math.min(SAMPLES, columns - 36));
  const [shownCpu, shownMemory] = [cpuHistory.slice(-width), memoryHistory.slice(-width)];
  const hasChildren = Array.isArray(figures.children) && figures.children.length > 0;
  const line = (
    name: string,
    tree: number | undefined,
    own: Json | undefined,
    unit: string,
    drawn: string,
  ): Piece[] => [
    { text: `${name}  ` },
    { text: fill(`${tree?.toFixed(1) ?? "-"}${unit}`, 11, { isRight: true }), style: "bold" },
    { text: fill(hasChildren ? ownPart(tree, own, unit) : "", 18) },
    { text: drawn, style: "cyan" },
  ];
  return [
    line(
      "CPU",
      cpu,
      figures.cpu_percent,
      "%",
      sparkline(shownCpu, width, { scale: cpuScale(shownCpu), isUnicode }).trimStart(),
    ),
    line(
      memoryFigure.toUpperCase(),
      memory,
      figures.pss ?? figures.rss,
      " MiB",
      sparkline(shownMemory, width, { scale: memoryScale(shownMemory), isUnicode }).trimStart(),
    ),
  ];
}

function ownPart(tree: number | undefined, own: Json | undefined, unit: string): string {
  return typeof own !== "number" || tree === undefined || tree - own < 0.05 ? "" : `  own ${own.toFixed(1)}${unit}`;
}

/** The figures of the process itself, by the labels they are shown with. */
const FIGURES: readonly (readonly [label: string, text: (figures: JsonObject) => string | undefined])[] = [
  ["status", ({ status }) => (typeof status === "string" ? clean(status) : undefined)],
  ["memory", ({ percent }) => suffixed(percent, "% of the machine")],
  ["virtual", ({ vms }) => suffixed(vms, " MiB")],
  ["proportional", ({ pss }) => suffixed(pss, " MiB")],
  ["unique", ({ uss }) => suffixed(uss, " MiB")],
  ["swap", ({ swap }) => suffixed(swap, " MiB")],
  ["threads", ({ threads }) => whole(threads)],
  ["open files", ({ fds, fds_limit: limit }) => joined(" of ", whole(fds), whole(limit))],
  ["CPU time", ({ cpu_times: times }) => pair(times, ["user", "system"], " s")],
  ["read, written", ({ io }) => bytesPair(io)],
  ["switches", ({ context_switches: switches }) => pair(switches, ["voluntary", "involuntary"], "")],
  ["sockets", ({ sockets }) => counts(sockets)],
  ["listening", ({ listening, total }) => addresses(isObject(total) ? (total.listening ?? listening) : listening)],
];

function figureLines(figures: JsonObject, columns: number): Piece[] {
  const known = FIGURES.flatMap(([label, text]) => {
    const shown = text(figures);
    return shown === undefined || shown === "" ? [] : [`${fill(label, 14)} ${shown}`];
  });
  if (known.length === 0) return [];
  const isTwo = columns >= 84;
  const half = isTwo ? Math.ceil(known.length / 2) : known.length;
  const lines = known.slice(0, half).map((left, index) => {
    const right = known[half + index];
    return { text: right === undefined ? left : `${fill(left, 42)}${right}` };
  });
  return [{ text: "" }, ...lines];
}

function childLines({ children }: JsonObject, isUnicode: boolean): Piece[] {
  const found = Array.isArray(children) ? children.filter(isObject) : [];
  if (found.length === 0) return [];
  const cells = (texts: readonly string[]) =>
    texts.map((text, index) =>
      fill(text, index === 2 ? 10 : 7, { isRight: index !== 2, ellipsis: isUnicode ? "…" : "~" }),
    );
  const rows = found.map(({ pid, ppid, status, cpu_percent: cpu, rss, threads }) =>
    [whole(pid), whole(ppid), valueText(status), suffixed(cpu, "%"), suffixed(rss, ""), whole(threads)].map(
      (text) => text ?? "-",
    ),
  );
  return [
    { text: "" },
    { text: "Processes below it", style: "bold" },
    { text: cells(["PID", "PARENT", "STATUS", "CPU", "RSS MiB", "THREADS"]).join("  "), style: "gray" },
    ...rows.map((row) => ({ text: cells(row).join("  ") })),
  ];
}

function streamLines({ streams }: JsonObject): Line[] {
  const told = readStreamFigures(streams) ?? [];
  if (told.length === 0) return [];
  return [
    { text: "" },
    { text: "Queues", style: "bold" },
    ...told.map((one) => ({ text: clean(describeStream(one)) })),
  ];
}

function eventLines(title: string, all: readonly TaskEvent[]): Line[] {
  if (all.length === 0) return [];
  const lines = [...all]
    .reverse()
    .map((event) => [
      { text: `${event.atMs === undefined ? "        " : timeOfDay(event.atMs)}  `, style: "gray" as const },
      { text: eventText(event) },
    ]);
  return [{ text: "" }, { text: `${title}, the latest first`, style: "bold" }, ...lines];
}

// --- figures as they came: one of an unexpected shape is not shown -------------------------------------------------------

function suffixed(value: Json | undefined, unit: string): string | undefined {
  return typeof value === "number" ? `${value.toFixed(1)}${unit}` : undefined;
}

function whole(value: Json | undefined): string | undefined {
  return typeof value === "number" ? String(value) : undefined;
}

function joined(between: string, ...texts: (string | undefined)[]): string | undefined {
  return texts.some((text) => text !== undefined) ? texts.map((text) => text ?? "?").join(between) : undefined;
}

function pair(value: Json | undefined, names: readonly string[], unit: string): string | undefined {
  if (!isObject(value)) return undefined;
  return names.map((name) => `${valueText(value[name])}${unit} ${name}`).join(", ");
}

function bytesPair(value: Json | undefined): string | undefined {
  if (!isObject(value)) return undefined;
  return [value.read_bytes, value.write_bytes]
    .map((bytes) => (typeof bytes === "number" ? `${(bytes / MIB_BYTES).toFixed(1)} MiB` : "?"))
    .join(", ");
}

function counts(value: Json | undefined): string | undefined {
  if (!isObject(value)) return undefined;
  return Object.entries(value)
    .map(([name, count]) => `${valueText(count)} ${clean(name)}`)
    .join(", ");
}

function addresses(value: Json | undefined): string | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((one) => (Array.isArray(one) ? [one.map(valueText).join(":")] : [])).join(" ");
}
