// What the tasks of a context have counted of the queues of their streams, over all protocols: asked of its provider, since
// most of these queues are unknown to the engine of its messages.
import { type ContextClient, connectContext } from "../../src/context/client/client.ts";
import { STREAM_COUNTS, type StreamFigures } from "../../src/protocol/stream-figures.ts";
import { readStreamFigures } from "../../src/protocol/stream-report.ts";
import { findContext } from "../context-file.ts";
import type { Place } from "./connection.ts";

export interface StreamCounts extends AsyncDisposable {
  /** Of all tasks that run, summed by queue and protocol. */
  read(): Promise<StreamFigures[]>;
}

/** Without a context file, or where no provider of ours runs it, there are none. */
export async function openStreamCounts({ context_file: contextFile }: Place): Promise<StreamCounts> {
  const endpoints = contextFile && (await findContext(contextFile)).presence?.endpoints;
  const client = endpoints ? await connectContext(endpoints, { contextFile }) : undefined;
  return {
    read: async () => (client === undefined ? [] : sumOf(await figuresOf(client))),
    async [Symbol.asyncDispose]() {
      await client?.[Symbol.asyncDispose]();
    },
  };
}

async function figuresOf(client: ContextClient): Promise<StreamFigures[]> {
  const entries = await Promise.all((await client.running()).map((transaction) => client.top(transaction)));
  return entries.flat().flatMap(({ streams }) => readStreamFigures(streams) ?? []);
}

function sumOf(figures: readonly StreamFigures[]): StreamFigures[] {
  const sums = new Map<string, StreamFigures>();
  for (const one of figures) {
    const key = JSON.stringify([one.queue, one.protocol]);
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { ...one });
    else for (const what of STREAM_COUNTS) sum[what] += one[what];
  }
  return [...sums.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, sum]) => sum);
}
