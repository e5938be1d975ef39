// Parses the socket tables of a network namespace, /proc/<pid>/net, and sums up connections. Opens nothing.
import { SocketAddress } from "node:net";

/** Empty for a socket that is not bound, or not connected. */
export type Address = [ip: string, port: number] | [];

/** A socket of a process. The names are those of psutil, and so of the wire; family and type are Linux's numbers. */
export interface Connection {
  family: number;
  type: number;
  laddr: Address;
  raddr: Address;
  status: string;
}

/** Sockets by inode, which the descriptors of a process name. */
export type SocketTable = ReadonlyMap<string, SocketRow>;

interface SocketRow {
  table: SocketTableName;
  local: string;
  remote: string;
  state: string;
}

export type SocketTableName = keyof typeof KINDS;

/** The tables of a namespace, with AF_INET or AF_INET6 and SOCK_STREAM or SOCK_DGRAM. */
const KINDS = {
  tcp: { family: 2, type: 1 },
  tcp6: { family: 10, type: 1 },
  udp: { family: 2, type: 2 },
  udp6: { family: 10, type: 2 },
} as const;

export const SOCKET_TABLES = Object.keys(KINDS) as SocketTableName[];

const DATAGRAM = 2;

const STATES: Readonly<Record<string, string>> = {
  "01": "ESTABLISHED",
  "02": "SYN_SENT",
  "03": "SYN_RECV",
  "04": "FIN_WAIT1",
  "05": "FIN_WAIT2",
  "06": "TIME_WAIT",
  "07": "CLOSE",
  "08": "CLOSE_WAIT",
  "09": "LAST_ACK",
  "0A": "LISTEN",
  "0B": "CLOSING",
  "0C": "SYN_RECV",
};

// sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …
const ROW = /^ *\d+: ([\dA-F]+:[\dA-F]+) ([\dA-F]+:[\dA-F]+) ([\dA-F]{2}) \S+ \S+ \S+ +\d+ +\d+ (\d+)/gm;

/** Sockets by inode. A socket without an inode, as one in TIME_WAIT, has no owner and is left out. */
export function indexSockets(texts: Readonly<Partial<Record<SocketTableName, string>>>): SocketTable {
  const rows = new Map<string, SocketRow>();
  for (const table of SOCKET_TABLES) {
    for (const [, local = "", remote = "", state = "", inode = ""] of (texts[table] ?? "").matchAll(ROW)) {
      if (inode !== "0") rows.set(inode, { table, local, remote, state });
    }
  }
  return rows;
}

/** The connection of an inode; undefined when the tables do not have it, as for a socket of another kind. */
export function findConnection(
  sockets: SocketTable,
  inode: string,
  endianness: Endianness = "LE",
): Connection | undefined {
  const row = sockets.get(inode);
  if (row === undefined) return undefined;
  const { family, type } = KINDS[row.table];
  const [laddr, raddr] = [readAddress(row.local, endianness), readAddress(row.remote, endianness)];
  return { family, type, laddr, raddr, status: type === DATAGRAM ? "NONE" : (STATES[row.state] ?? "UNKNOWN") };
}

type Endianness = "LE" | "BE";

// The address is written in words of the machine's byte order, the port in network order.
function readAddress(text: string, endianness: Endianness): Address {
  const [words = "", hexPort = ""] = text.split(":");
  const port = Number.parseInt(hexPort, 16);
  if (port === 0) return [];
  const bytes = Buffer.from(words, "hex");
  if (endianness === "LE") bytes.swap32();
  return [bytes.length === 4 ? bytes.join(".") : formatIpv6(bytes), port];
}

function formatIpv6(bytes: Buffer): string {
  const groups = bytes.toString("hex").match(/.{4}/g) ?? [];
  return new SocketAddress({ family: "ipv6", address: groups.join(":") }).address;
}

/** How many connections are in which state, and the listening addresses. */
export type SocketSummary = {
  sockets: Record<string, number>;
  listening: [ip: string, port: number][];
};

export function summarize(connections: readonly Connection[]): SocketSummary {
  const sockets: Record<string, number> = {};
  for (const { status } of connections) sockets[status] = (sockets[status] ?? 0) + 1;
  const listening = connections.flatMap(({ status, laddr }) => (status === "LISTEN" && isBound(laddr) ? [laddr] : []));
  return { sockets, listening: distinct(listening) };
}

/** Each address once, by port: a listening socket may be held by several processes of a tree. */
export function distinct(addresses: readonly [ip: string, port: number][]): [ip: string, port: number][] {
  const byText = new Map(addresses.map((address) => [address.join(" "), address]));
  return [...byText.values()].sort(([, left], [, right]) => left - right);
}

function isBound(address: Address): address is [ip: string, port: number] {
  return address.length > 0;
}
