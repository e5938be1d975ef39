// Endpoints as options of the commands.
import { InvalidArgumentError } from "commander";
import { isReachable } from "../src/protocol/endpoints.ts";

/**
 * Reads an endpoint to connect to. ZeroMQ would refuse a wrong one with no more than "Invalid argument".
 *
 * @throws {InvalidArgumentError} which commander prints as a usage error.
 */
export function readEndpoint(text: string): string {
  if (isReachable(text)) return text;
  throw new InvalidArgumentError("expected tcp://host:port");
}
