import { InvalidArgumentError } from "commander";
import { isReachable } from "../src/protocol/endpoints.ts";

/**
 * Reads an endpoint to connect to; ZeroMQ itself says of any other no more than "Invalid argument".
 *
 * @throws {InvalidArgumentError} which is a usage error of the command.
 */
export function readEndpoint(text: string): string {
  if (isReachable(text)) return text;
  throw new InvalidArgumentError("expected tcp://host:port");
}
