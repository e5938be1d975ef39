import { ZcontextError } from "../../../errors.ts";

const IPC = /^ipc:\/\/(.+)$/;
const TCP = /^tcp:\/\/(?:\[(?<v6>[^\]]+)\]|(?<host>[^:/]+)):(?<port>\d+)$/;

/** Where the broker is, as sockets of Node take it. @throws {ZcontextError} `ERR_USAGE` for what is no address. */
export function socketAddress(url: string): { path: string } | { host: string; port: number } {
  const [, path] = IPC.exec(url) ?? [];
  if (path !== undefined) return { path };
  const { v6, host = v6, port } = TCP.exec(url)?.groups ?? {};
  if (host === undefined) throw new ZcontextError("ERR_USAGE", `${url}: expected ipc://<path> or tcp://<host>:<port>`);
  return { host, port: Number(port) };
}
