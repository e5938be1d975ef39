// Where messages go to and come from over HTTP. Pure but for the environment.
import { ZcontextError } from "../../../errors.ts";

const HOST = "127.0.0.1";
const PORT = 9000;
const LARGEST_PORT = 65_535;

/** @throws {ZcontextError} `ERR_USAGE`. */
export function consumerAddress({
  host = HOST,
  port = process.env.HTTP_PORT ?? PORT,
}: {
  host?: string;
  port?: number | string;
}) {
  const number = Number(port);
  if (String(port).trim() === "" || !Number.isSafeInteger(number) || number < 0 || number > LARGEST_PORT)
    throw new ZcontextError("ERR_USAGE", `port ${JSON.stringify(port)}: expected a number from 0 to ${LARGEST_PORT}`, {
      hint: "Give the option port, or set HTTP_PORT.",
    });
  return { host, port: number };
}

/**
 * The origin that a producer sends to.
 *
 * @param host - `host:port`, with or without `http://` or `https://`.
 * @throws {ZcontextError} `ERR_USAGE`.
 */
export function producerOrigin(host = process.env.HTTP_HOST ?? `${HOST}:${PORT}`): string {
  const text = /^https?:\/\//.test(host) ? host : `http://${host}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && url.pathname === "/" && url.search === "" && url.hash === "") return url.origin;
  throw new ZcontextError("ERR_USAGE", `host ${JSON.stringify(host)}: expected host:port, such as ${HOST}:${PORT}`, {
    hint: "Give the option host, or set HTTP_HOST.",
  });
}
