// What the URL of a server says, such as `amqps://one:5671,two:5671/orders`. Pure.

export interface ServerUrl {
  protocol: string;
  /** Those of a cluster, at least one. */
  hosts: { hostname: string; port: number | undefined }[];
  /** As it stands there: with `%2F` for a slash. */
  path: string;
  vhost: string;
}

const URL_PARTS = /^([a-z]+):\/\/([^/?]*)(?:\/([^?]*))?/;
const HOST_PARTS = /^(.*?)(?::(\d+))?$/;

export function readServerUrl(url: string): ServerUrl {
  const [, protocol = "amqp", hosts = "", path = ""] = URL_PARTS.exec(url) ?? [];
  return {
    protocol,
    hosts: hosts.split(",").map((host) => {
      const [, name = host, port] = HOST_PARTS.exec(host) ?? [];
      return { hostname: name.replace(/^\[|\]$/g, ""), port: port === undefined ? undefined : Number(port) };
    }),
    path,
    vhost: decodeURIComponent(path) || "/",
  };
}
