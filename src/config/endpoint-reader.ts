// Reads the four addresses of a forwarder, and checks that endpoints and binds name the same ports. Pure.
import {
  addressOf,
  type Endpoints,
  hostOf,
  isBind,
  isEndpoint,
  isHost,
  isLoopback,
  portOf,
} from "../protocol/endpoints.ts";
import { quote } from "./xml/problems.ts";
import type { Reader, TextRule } from "./xml/reader.ts";

const ENDPOINT: TextRule = { expected: "tcp://host:port", accepts: isEndpoint };
const BIND: TextRule = { expected: "tcp://host:port or tcp://*:port", accepts: isBind };

/** Reads the four addresses from a context: where the forwarder binds, and where peers connect. */
export function readEndpoints(root: Reader): { endpoints: Endpoints; binds: Endpoints } {
  const endpoints = {
    publish: root.text("BackendEndpoint", ENDPOINT),
    subscribe: root.text("FrontEndEndpoint", ENDPOINT),
  };
  const binds = { publish: root.text("FrontBind", BIND), subscribe: root.text("BackendBind", BIND) };
  const [backendEndpoint, frontEndEndpoint] = [portOf(endpoints.publish), portOf(endpoints.subscribe)];
  const [frontBind, backendBind] = [portOf(binds.publish), portOf(binds.subscribe)];

  if (differ(backendEndpoint, frontBind)) {
    root.report("BackendEndpoint", `expected port ${frontBind} as in FrontBind, got ${quote(endpoints.publish)}`);
  } else reportUnmet(root, endpoints.publish, binds.publish, { endpoint: "BackendEndpoint", bind: "FrontBind" });
  if (differ(frontEndEndpoint, backendBind)) {
    root.report(
      "FrontEndEndpoint",
      `expected port ${backendBind} as in BackendBind, got ${quote(endpoints.subscribe)}`,
    );
  } else reportUnmet(root, endpoints.subscribe, binds.subscribe, { endpoint: "FrontEndEndpoint", bind: "BackendBind" });
  if (frontBind !== undefined && frontBind !== "*" && frontBind === backendBind) {
    root.report("BackendBind", `expected a port other than FrontBind's, got ${quote(binds.subscribe)}`);
  }
  return { endpoints, binds };
}

const SERVER: TextRule = {
  expected: "a host such as 127.0.0.1",
  accepts: isHost,
};
const PORT: TextRule = {
  expected: "a port, 1 to 65535, or * for one that the system chooses",
  accepts: (value) => /^(?:\*|[1-9]\d{0,4})$/.test(value) && !(Number(value) > 65_535),
};

/** Derives the four addresses from a host and two ports; with a loopback host the binds are loopback as well. */
export function readServer(root: Reader): { endpoints: Endpoints; binds: Endpoints } {
  const host = root.text("server_ip", SERVER);
  const publish = root.text("pub_port", PORT);
  const subscribe = root.text("sub_port", PORT);
  if (publish !== "" && publish !== "*" && publish === subscribe)
    root.report("pub_port", `expected a port other than sub_port, got ${quote(publish)}`);
  const at = (name: string): Endpoints => ({
    publish: `tcp://${name}:${publish}`,
    subscribe: `tcp://${name}:${subscribe}`,
  });
  return { endpoints: at(host), binds: at(isLoopback(host) ? hostOf(addressOf(`tcp://${host}:*`)) : "*") };
}

/** A socket on one loopback address is not reached at another one. Where the port is `*`, peers are told both. */
function reportUnmet(root: Reader, endpoint: string, bind: string, names: { endpoint: string; bind: string }): void {
  if (!isEndpoint(endpoint) || !isEndpoint(bind) || portOf(endpoint) === "*") return;
  const [reached, bound] = [endpoint, bind].map((address) => hostOf(addressOf(address)));
  if (reached === bound || ![endpoint, bind].every((address) => isLoopback(hostOf(address)))) return;
  const resolved = hostOf(endpoint) === "localhost" ? `, which is ${reached}` : "";
  root.report(names.endpoint, `expected host ${bound} as in ${names.bind}, got ${quote(endpoint)}${resolved}`);
}

/** False where a port is unknown: an invalid address has been reported already. */
function differ(port: string | undefined, other: string | undefined): boolean {
  return port !== undefined && other !== undefined && port !== other;
}
