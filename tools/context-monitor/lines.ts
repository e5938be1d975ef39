// What the monitor prints where no live table is: a line, or a JSON object, for each sample of a task, each announcement
// and each transition. Lines use the words for states that people see, JSON the ones that travel. Pure.
import type { JsonObject } from "../../src/protocol/json.ts";
import { wordsFor } from "../../src/protocol/task-state.ts";
import { mebibytes, percent } from "../print.ts";
import { eventText, type TaskRow } from "./model.ts";
import type { MonitorEvent, Sample } from "./monitor-events.ts";
import { clean, timeOfDay } from "./terminal/text.ts";

/** The lines for an event; none for one that only repeats what the tasks have said. */
export function linesFor(event: MonitorEvent, atMs: number): string[] {
  const time = timeOfDay(atMs);
  switch (event.kind) {
    case "sampled":
      return event.samples.map((sample) => sampleLine(event.transaction, sample, atMs));
    case "announced": {
      const { transaction, task, action, result, items } = event;
      return [[time, transaction || "-", task, action, result, clean(JSON.stringify(items))].join("  ")];
    }
    case "moved": {
      const { transaction, task, from, to, cause } = event;
      const why = cause === undefined ? event.event : `${event.event}: ${cause}`;
      return [[time, transaction, task, wordsFor(to), `from ${wordsFor(from)}`, why].join("  ")];
    }
    case "ended":
      return [[time, event.transaction, "-", "ended"].join("  ")];
    default:
      return [];
  }
}

function sampleLine(
  transaction: string,
  { id, state, pid, cpu, memory, memoryFigure, figures }: Sample,
  atMs: number,
): string {
  const { timestamp, status, children } = figures;
  const time = timeOfDay(typeof timestamp === "number" ? timestamp * 1_000 : atMs);
  const facts = [
    `pid=${pid ?? "-"}`,
    `cpu=${cpu === undefined ? "-" : percent(cpu)}`,
    `${memoryFigure}=${memory === undefined ? "-" : mebibytes(memory).replace(" ", "")}`,
    `children=${Array.isArray(children) ? children.length : 0}`,
  ];
  return [time, transaction, id, wordsFor(state), typeof status === "string" ? clean(status) : "-", ...facts].join(
    "  ",
  );
}

/** A task as `--json` shows it: its figures as they travel, and what is known of it without a process as well. */
export function taskJson(row: TaskRow): JsonObject {
  const { id, service, instance, state, runs, pid, reason, figures, last } = row;
  return {
    ...figures,
    serviceId: id,
    serviceName: service,
    instance,
    lifecycle: state,
    runs,
    pid: pid ?? null,
    ...(reason === undefined ? {} : { reason }),
    ...(last === undefined ? {} : { last: { time: isoTime(last.atMs), event: eventText(last, (state) => state) } }),
  };
}

/** An event as `--json` shows it among those since the sample before; undefined for one that is not shown there. */
export function eventJson(event: MonitorEvent, atMs: number): JsonObject | undefined {
  const time = isoTime(atMs);
  if (event.kind === "announced") {
    const { task, action, result, items } = event;
    return { time, task, action, result, items };
  }
  if (event.kind === "ended") return { time, action: "ended" };
  if (event.kind !== "moved") return undefined;
  const { task, from, to, cause, run } = event;
  return { time, task, from, to, event: event.event, ...(cause === undefined ? {} : { cause }), run: run ?? null };
}

function isoTime(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}
