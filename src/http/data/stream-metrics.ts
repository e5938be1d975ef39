// The metrics of producers and consumers: of all tasks, for the dashboard, and of one program, for its health port.
import { Counter, Registry } from "prom-client";
import { STREAM_COUNTS, type StreamFigures } from "../../protocol/stream-figures.ts";

export interface StreamMetrics<Label extends string> {
  clear(): void;
  /** @param labels - Whose figures they are. */
  add(labels: { [name in Label]: string }, figures: readonly StreamFigures[]): void;
}

export function createStreamMetrics<Label extends string>(
  registry: Registry,
  labelNames: readonly Label[],
): StreamMetrics<Label> {
  const messages = new Counter<string>({
    name: "zcontext_stream_messages_total",
    help: "Messages of a queue by protocol and by what became of them.",
    labelNames: [...labelNames, "queue", "protocol", "outcome"],
    registers: [registry],
  });
  return {
    clear: () => messages.reset(),
    add(labels, figures) {
      for (const { queue, protocol, ...counts } of figures)
        for (const outcome of STREAM_COUNTS) messages.inc({ ...labels, queue, protocol, outcome }, counts[outcome]);
    },
  };
}

/** The metrics of this program alone. */
export async function streamMetricsOf(figures: readonly StreamFigures[]): Promise<{ type: string; text: string }> {
  const registry = new Registry();
  createStreamMetrics(registry, []).add({}, figures);
  return { type: registry.contentType, text: await registry.metrics() };
}
