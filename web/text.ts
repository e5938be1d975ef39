// Formats figures and times for the page. Pure.
import { DAY_MS } from "./spans.ts";

export function percent(value: number): string {
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)}%`;
}

export function bytes(value: number): string {
  const mib = value / 2 ** 20;
  if (mib >= 1_024) return `${(mib / 1_024).toFixed(1)} GiB`;
  return `${mib >= 100 ? Math.round(mib) : mib.toFixed(1)} MiB`;
}

/** `12:04:31`, in the time zone of the browser. */
export function clock(time: string | number): string {
  return new Date(time).toTimeString().slice(0, 8);
}

/** `12:04`, with the day before it where a chart spans more than one. */
export function moment(atMs: number, spanMs: number): string {
  const hour = new Date(atMs).toTimeString().slice(0, 5);
  if (spanMs < DAY_MS) return hour;
  return `${new Date(atMs).toLocaleDateString(undefined, { month: "short", day: "numeric" })} ${hour}`;
}

/** `0`, `0.4`, `38`, `1.2k`. */
export function rate(perSecond: number): string {
  if (perSecond >= 1_000) return `${(perSecond / 1_000).toFixed(1)}k`;
  return perSecond >= 10 || perSecond === 0 ? `${Math.round(perSecond)}` : perSecond.toFixed(1);
}

/** `42 s`, `5 min`, `3 h 5 min`, `12 d 3 h`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
