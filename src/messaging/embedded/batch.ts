// Batches as two frames: JSON with all operations, and the bodies one behind the other. Pure.
import { reasonOf, ZcontextError } from "../../errors.ts";
import type { Batch, Item } from "./operations.ts";

const NOTHING = Buffer.alloc(0);

/** What a frame consists of: bytes, and texts in ASCII. */
export type Pieces = readonly (Buffer | string)[];

/** A batch as what its two frames consist of: `[number, done, [operation, …]]` as JSON, and the bodies. */
export function encodeBatch<Operation>({ number, done, items }: Batch<Operation>): [json: string, bodies: Pieces] {
  const operations: Operation[] = [];
  const bodies: (Buffer | string)[] = [];
  for (const { operation, envelope, body } of items) {
    operations.push(operation);
    if (envelope !== undefined) bodies.push(envelope);
    if (body.length > 0) bodies.push(body);
  }
  return [JSON.stringify([number, done, operations]), bodies];
}

/**
 * Reads a batch.
 *
 * @param isOperation - Whether a value is an operation.
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` when the frames are not those of a batch.
 */
export function decodeBatch<Operation extends object>(
  frames: readonly Buffer[],
  isOperation: (value: unknown) => value is Operation,
): Batch<Operation> {
  const [json, bodies] = frames;
  if (frames.length !== 2 || json === undefined || bodies === undefined)
    throw malformed(`${frames.length} frames, expected two`);
  const read = parse(json);
  if (!Array.isArray(read) || read.length !== 3) throw malformed("expected [number, done, operations]");
  const [number, done, operations] = read;
  if (!Number.isSafeInteger(number) || !Number.isSafeInteger(done) || !Array.isArray(operations))
    throw malformed("expected [number, done, operations]");
  let at = 0;
  const items = operations.map((operation: unknown): Item<Operation> => {
    if (!isOperation(operation)) throw malformed(`unknown operation ${JSON.stringify(operation)?.slice(0, 200)}`);
    const size = sizeOf(operation);
    const body = size === 0 ? NOTHING : bodies.subarray(at, at + size);
    at += size;
    return { operation, body };
  });
  if (at !== bodies.length) throw malformed(`bodies of ${bodies.length} bytes, the operations say ${at}`);
  return { number, done, items };
}

function sizeOf(operation: { size?: number }): number {
  const { size = 0 } = operation;
  if (!Number.isSafeInteger(size) || size < 0) throw malformed(`a body of ${size} bytes`);
  return size;
}

function parse(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString());
  } catch (error) {
    throw malformed(reasonOf(error));
  }
}

function malformed(what: string): ZcontextError {
  return new ZcontextError("ERR_MESSAGE_MALFORMED", `batch with ${what}`);
}
