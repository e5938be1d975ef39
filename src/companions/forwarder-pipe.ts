// What travels on the pipe between a provider and its forwarder process, one line of JSON each: orders to the forwarder,
// reports from it. Both ends are this package, started together, so the lines are not validated field by field. Pure.
import type { ProcessIdentity } from "../processes/stat.ts";
import type { Endpoints } from "../protocol/endpoints.ts";
import { asOneLine } from "../text.ts";

/** From the provider: guard this task, release that one, or end in order. */
export type ForwarderOrder = { guard: ProcessIdentity } | { release: number } | { leave: true };

/** Why a forwarder could not be started; `endpoint` is the one that could not be bound. */
export interface StartFailure {
  code?: string | undefined;
  message: string;
  endpoint?: string | undefined;
}

/** The first line from the forwarder. Those that follow are empty objects, its heartbeats. */
export type StartReport = { bound: Endpoints } | { failed: StartFailure };

export function writeLine(line: ForwarderOrder | StartReport | Record<string, never>): string {
  return `${asOneLine(JSON.stringify(line))}\n`;
}

/** Undefined for half a line, which is what a provider leaves that is killed while it writes. */
export function readOrder(line: string): ForwarderOrder | undefined {
  try {
    return JSON.parse(line) as ForwarderOrder;
  } catch {
    return undefined;
  }
}

export function readReport(line: string): StartReport {
  return JSON.parse(line) as StartReport;
}
