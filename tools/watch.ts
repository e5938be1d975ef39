// What `context-monitor` does, once its words are understood.
import { connectInbox } from "../src/bus/bus.ts";
import { deferred } from "../src/deferred.ts";
import { ContextError } from "../src/errors.ts";
import type { Frame } from "../src/protocol/codec.ts";
import { isObject } from "../src/protocol/json.ts";
import { CONTEXT_NAME, readMessage } from "../src/protocol/message.ts";
import { findEndpoints, readContextFile } from "./context-file.ts";
import { answer, answerJson, EXIT, mebibytes, percent } from "./print.ts";
import { unread } from "./program.ts";

/** The options of the command; see its `--help`. */
export interface Options {
  endpoint?: string;
  context_file?: string;
  transaction?: string;
  once?: true;
  json?: true;
}

/** A provider publishes once a second; one that says nothing for this long has nothing to say, in milliseconds. */
const SILENCE_MS = 3_000;

/** Prints what a provider publishes until a signal, or once; answers the exit code. */
export async function watch(options: Options): Promise<number> {
  const endpoint = await endpointFor(options);
  const { promise: left, resolve: leave } = deferred<number>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => leave(EXIT.done));
  unread().then(() => leave(EXIT.done));
  const inbox = await connectInbox(endpoint, {
    topics: options.once ? ["monitor"] : ["monitor", "control"],
    timeoutMs: 1_500,
    onFrame: (frame) => {
      if (show(frame, options) && options.once) leave(EXIT.done);
    },
  });
  const silence = options.once ? setTimeout(() => leave(EXIT.failed), SILENCE_MS) : undefined;
  const code = await left;
  clearTimeout(silence);
  await inbox.close();
  if (code === EXIT.failed) throw nothingRuns(options, endpoint);
  return code;
}

async function endpointFor({ endpoint, context_file: file }: Options): Promise<string> {
  if (endpoint !== undefined) return endpoint;
  if (file !== undefined) return (await findEndpoints(file, await readContextFile(file))).subscribe;
  throw new ContextError("ERR_USAGE", "where is the provider? --context_file FILE or --endpoint tcp://…:SUB", {
    hint: "`context-monitor --help` lists the options.",
  });
}

// Answers whether the frame was a sample that is shown.
function show(frame: Frame, options: Options): boolean {
  return frame.topic === "monitor" ? showSample(frame, options) : showAnnouncement(frame, options);
}

function showSample({ body }: Frame, { transaction, json }: Options): boolean {
  if (!isObject(body)) return false;
  const shown = Object.entries(body).filter(([id]) => transaction === undefined || id === transaction);
  for (const [id, tasks] of shown) {
    if (json) answerJson({ transaction: id, tasks });
    else for (const task of (tasks ?? []) as unknown as Sample[]) answer(lineOf(id, task));
  }
  return shown.length > 0;
}

/** An entry of a `monitor` message, as far as a line shows it. */
interface Sample {
  serviceId: string;
  lifecycle?: string;
  action: string;
  status?: string;
  pid: number;
  cpu_percent?: number;
  rss: number;
  children?: unknown[];
  timestamp: number;
}

function lineOf(transaction: string, sample: Sample): string {
  const {
    serviceId,
    action,
    lifecycle = action,
    status = "-",
    pid,
    cpu_percent = 0,
    rss,
    children,
    timestamp,
  } = sample;
  const time = new Date(timestamp * 1_000).toTimeString().slice(0, 8);
  const facts = [
    `pid=${pid}`,
    `cpu=${percent(cpu_percent)}`,
    `rss=${mebibytes(rss).replace(" ", "")}`,
    `children=${children?.length ?? 0}`,
  ];
  return [time, transaction, serviceId, lifecycle, status, ...facts].join("  ");
}

function showAnnouncement(frame: Frame, { transaction, json }: Options): boolean {
  const message = readMessage(frame);
  // What the provider says of the whole context repeats what the tasks have said.
  if (
    message.kind !== "control" ||
    (message.header.serviceName === CONTEXT_NAME && message.status.device_action === "context_info")
  )
    return false;
  const { header, status } = message;
  if (transaction !== undefined && header.transaction !== transaction) return false;
  const { result, device_action: _, ...items } = status;
  if (json)
    answerJson({ transaction: header.transaction, task: header.serviceId, action: header.action, result, items });
  else
    answer(
      [
        new Date().toTimeString().slice(0, 8),
        header.transaction || "-",
        header.serviceId,
        header.action,
        result,
        JSON.stringify(items),
      ].join("  "),
    );
  return false;
}

function nothingRuns({ transaction }: Options, endpoint: string): ContextError {
  const what = transaction === undefined ? "no transaction runs" : `transaction ${transaction} does not run`;
  return new ContextError("ERR_TRANSACTION_UNKNOWN", `${what} behind ${endpoint}`, {
    hint: "Start one with `conf-command --action start --context_file <file>`.",
  });
}
