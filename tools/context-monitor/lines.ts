// What the monitor prints where no live table is: a line for each task and sample, announcement and step. Pure.
import type { JsonObject } from "../../src/protocol/json.ts";
import { mebibytes, percent } from "../print.ts";
import type { TaskRow } from "./model.ts";
import type { News, Sample } from "./monitor-events.ts";
import { clean, timeOfDay } from "./text.ts";

/** The lines for a piece of news; none for what only repeats what the tasks have said. */
export function linesFor(news: News, atMs: number): string[] {
  const time = timeOfDay(atMs);
  switch (news.kind) {
    case "sampled":
      return news.samples.map((sample) => sampleLine(news.transaction, sample, atMs));
    case "announced": {
      const { transaction, task, action, result, items } = news;
      return [[time, transaction || "-", task, action, result, clean(JSON.stringify(items))].join("  ")];
    }
    case "moved": {
      const { transaction, task, from, to, event, cause } = news;
      const why = cause === undefined ? event : `${event}: ${cause}`;
      return [[time, transaction, task, to, `from ${from}`, why].join("  ")];
    }
    case "ended":
      return [[time, news.transaction, "-", "ended"].join("  ")];
    default:
      return [];
  }
}

function sampleLine(transaction: string, { id, state, pid, cpu, rss, figures }: Sample, atMs: number): string {
  const { timestamp, status, children } = figures;
  const time = timeOfDay(typeof timestamp === "number" ? timestamp * 1_000 : atMs);
  const facts = [
    `pid=${pid ?? "-"}`,
    `cpu=${cpu === undefined ? "-" : percent(cpu)}`,
    `rss=${rss === undefined ? "-" : mebibytes(rss).replace(" ", "")}`,
    `children=${Array.isArray(children) ? children.length : 0}`,
  ];
  return [time, transaction, id, state, typeof status === "string" ? clean(status) : "-", ...facts].join("  ");
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
    ...(last === undefined ? {} : { last: { time: isoTime(last.atMs), event: last.words } }),
  };
}

/** Something that has happened since the sample before, as `--json` shows it. */
export function eventJson(news: News, atMs: number): JsonObject | undefined {
  const time = isoTime(atMs);
  if (news.kind === "announced") {
    const { task, action, result, items } = news;
    return { time, task, action, result, items };
  }
  if (news.kind === "ended") return { time, action: "ended" };
  if (news.kind !== "moved") return undefined;
  const { task, from, to, event, cause, run } = news;
  return { time, task, from, to, event, ...(cause === undefined ? {} : { cause }), run: run ?? null };
}

function isoTime(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}
