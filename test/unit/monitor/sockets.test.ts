import { isIPv6, SocketAddress } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Connection,
  findConnection,
  indexSockets,
  type SocketTableName,
  summarize,
} from "../../../src/monitor/sockets.ts";

const HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const NOWHERE = "00000000000000000000000000000000:0000";

function row({ local = "0100007F:15B4", remote = "00000000:0000", state = "0A", inode = "77" } = {}): string {
  return `   1: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 00000000cb 100 0\n`;
}

function connectionOf(given: Parameters<typeof row>[0], table: SocketTableName = "tcp") {
  return findConnection(indexSockets({ [table]: HEADER + row(given) }), "77");
}

test("a listening socket shows where it is bound, and no other end", () => {
  expect(connectionOf({})).toEqual({ family: 2, type: 1, laddr: ["127.0.0.1", 5556], raddr: [], status: "LISTEN" });
});

test("a connection shows both ends", () => {
  expect(connectionOf({ local: "0A00A8C0:A2F4", remote: "08080808:01BB", state: "01" })).toEqual({
    family: 2,
    type: 1,
    laddr: ["192.168.0.10", 41716],
    raddr: ["8.8.8.8", 443],
    status: "ESTABLISHED",
  });
});

test.each([
  ["00000000000000000000000001000000", "::1"],
  ["00000000000000000000000000000000", "::"],
  ["0000000000000000FFFF00000100007F", "::ffff:127.0.0.1"],
  ["B80D0120000000000100000001000000", "2001:db8::1:0:1"],
])("the address %s of a tcp6 table is %s", (words, shown) => {
  expect(connectionOf({ local: `${words}:15B4`, remote: NOWHERE }, "tcp6")).toMatchObject({
    family: 10,
    laddr: [shown, 5556],
  });
});

test("every IPv6 address comes out as it went in", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const words = Buffer.from(bytes).swap32().toString("hex").toUpperCase();

      const [shown = ""] = connectionOf({ local: `${words}:0001`, remote: NOWHERE }, "tcp6")?.laddr ?? [];

      const groups = Buffer.from(bytes).toString("hex").match(/.{4}/g) ?? [];
      expect(isIPv6(shown)).toBe(true);
      expect(shown).toBe(new SocketAddress({ family: "ipv6", address: groups.join(":") }).address);
    }),
    { numRuns: 50 },
  );
});

test("a machine that writes the high byte first is read that way", () => {
  const sockets = indexSockets({ tcp: HEADER + row({ local: "7F000001:15B4" }) });

  expect(findConnection(sockets, "77", "BE")?.laddr).toEqual(["127.0.0.1", 5556]);
});

test("states have psutil's words", () => {
  const states = Array.from({ length: 13 }, (_, state) => (state + 1).toString(16).toUpperCase().padStart(2, "0"));

  expect(states.map((state) => connectionOf({ state })?.status)).toEqual([
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "SYN_RECV",
    "UNKNOWN",
  ]);
});

test("a datagram socket has no state", () => {
  expect(connectionOf({ state: "07" }, "udp")).toMatchObject({ family: 2, type: 2, status: "NONE" });
  expect(connectionOf({ local: `${"0".repeat(32)}:0035`, remote: NOWHERE, state: "07" }, "udp6")).toMatchObject({
    family: 10,
    type: 2,
    status: "NONE",
  });
});

test("a socket that no process has any more is in no table", () => {
  expect(indexSockets({ tcp: HEADER + row({ inode: "0", state: "06" }) }).size).toBe(0);
});

test("what the tables do not show is no connection", () => {
  expect(findConnection(indexSockets({ tcp: `${HEADER}what is this\n` }), "77")).toBeUndefined();
});

test("a summary counts states, and names each listening address once, by port", () => {
  const listening: Omit<Connection, "laddr"> = { family: 2, type: 1, raddr: [], status: "LISTEN" };

  expect(
    summarize([
      { ...listening, laddr: ["0.0.0.0", 8080] },
      { ...listening, laddr: ["127.0.0.1", 22] },
      { ...listening, laddr: ["127.0.0.1", 22] },
      { ...listening, laddr: ["127.0.0.1", 22], raddr: ["127.0.0.1", 40_000], status: "ESTABLISHED" },
    ]),
  ).toEqual({
    sockets: { LISTEN: 3, ESTABLISHED: 1 },
    listening: [
      ["127.0.0.1", 22],
      ["0.0.0.0", 8080],
    ],
  });
});
