// Where peers meet a forwarder: its two ends, and what the parts of an address say. Pure.

/** The two ends of a forwarder, named for what a peer does there; the XML's own names are crossed. */
export interface Endpoints {
  /** Senders connect here: BackendEndpoint, bound by FrontBind. */
  publish: string;
  /** Listeners connect here: FrontEndEndpoint, bound by BackendBind. */
  subscribe: string;
}

const HOST = String.raw`[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\]`;
const ENDPOINT = matcher(HOST);
const BIND = matcher(String.raw`${HOST}|\*`);
const SERVER = new RegExp(`^(?:${HOST})$`);

/** Whether a text is `tcp://host:port`, with a port of 1 to 65535 or `*` for one that the system chooses. */
export function isEndpoint(text: string): boolean {
  return ENDPOINT(text);
}

/** The same, with `*` for every address of this machine as well. */
export function isBind(text: string): boolean {
  return BIND(text);
}

/** Whether a text is the name or the address of a host; an IPv6 address stands in brackets. */
export function isHost(text: string): boolean {
  return SERVER.test(text);
}

/** Whether one can connect there: an endpoint whose port is known. */
export function isReachable(endpoint: string): boolean {
  return ENDPOINT(endpoint) && portOf(endpoint) !== "*";
}

/** Whether the system is to choose a port, so that the file alone does not say where to connect. */
export function isWildcard({ publish, subscribe }: Endpoints): boolean {
  return portOf(publish) === "*" || portOf(subscribe) === "*";
}

/** The addresses peers on this machine connect to, once the system has chosen the ports written as `*`. */
export function resolveEndpoints(endpoints: Endpoints, bound: Endpoints): Endpoints {
  const resolve = (endpoint: string, at: string) => (portOf(endpoint) === "*" ? at : endpoint);
  return {
    publish: resolve(endpoints.publish, bound.publish),
    subscribe: resolve(endpoints.subscribe, bound.subscribe),
  };
}

/** Whether a host of an endpoint is this machine, and reached from nowhere else. */
export function isLoopback(host: string): boolean {
  const address = addressOfHost(host);
  return address === "[::1]" || /^127(\.\d{1,3}){3}$/.test(address);
}

/**
 * An endpoint as a socket is given it: `localhost` is 127.0.0.1, whatever the machine resolves it to, so that all peers meet;
 * an address that can be written in several ways is written in one.
 */
export function addressOf(endpoint: string): string {
  const host = hostOf(endpoint);
  return `tcp://${addressOfHost(host)}${endpoint.slice("tcp://".length + host.length)}`;
}

/** Whether an address is one of IPv6; ZeroMQ refuses it unless the socket says so. */
export function isIpv6(address: string): boolean {
  return address.startsWith("tcp://[");
}

function addressOfHost(host: string): string {
  // An interface, as in [fe80::1%eth0], is unknown to URL.
  const { hostname } = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : { hostname: host };
  return hostname === "localhost" ? "127.0.0.1" : hostname;
}

export function hostOf(endpoint: string): string {
  return endpoint.slice("tcp://".length, endpoint.lastIndexOf(":"));
}

/** The port of an endpoint, `*` included; undefined where there is none. */
export function portOf(endpoint: string): string | undefined {
  return /:(\*|\d+)$/.exec(endpoint)?.[1];
}

function matcher(host: string): (value: string) => boolean {
  const pattern = new RegExp(String.raw`^tcp://(?:${host}):(?:\*|[1-9]\d{0,4})$`);
  return (value) => pattern.test(value) && !(Number(portOf(value)) > 65_535) && !isNoAddress(hostOf(value));
}

/** Whether a host of digits alone, such as 127.0.0.256, is none. */
function isNoAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) && !URL.canParse(`http://${host}`);
}
