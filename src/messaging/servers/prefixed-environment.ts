// Reads where RabbitMQ is from variables that share a prefix, such as EVENT_BUS_AMQP_HOST. Pure.
import { ZcontextError } from "../../errors.ts";
import { exposureOf, readBusUrl } from "../../protocol/bus-address.ts";

const PARTS = ["HOST", "PORT", "USER", "PASS", "VHOST"] as const;
/** The port for encrypted connections. */
const ENCRYPTED_PORT = "5671";

/**
 * The URL of a server, with its login.
 *
 * @param prefix - Of the variables, with or without its last underscore: `EVENT_BUS_` has `EVENT_BUS_AMQP_HOST`, `_PORT`, `_USER`,
 *   `_PASS` and `_VHOST`. With port 5671 the connection is encrypted.
 * @throws {ZcontextError} `ERR_ENVIRONMENT_INVALID` naming every variable that is missing; `ERR_ENGINE_REFUSED` where the
 *   credentials would travel unencrypted to another machine and `_INSECURE` does not say `true`.
 */
export function prefixedUrl(prefix: string, environment: Readonly<NodeJS.ProcessEnv>): string {
  const name = (part: string) => `${prefix.replace(/_$/, "")}_AMQP_${part}`;
  const values = PARTS.map((part) => environment[name(part)] ?? "");
  const missing = PARTS.filter((_, index) => values[index] === "").map(name);
  if (missing.length > 0)
    throw new ZcontextError("ERR_ENVIRONMENT_INVALID", `${missing.join(", ")}: expected a value, got none`, {
      hint: `Set ${PARTS.map(name).join(", ")}.`,
    });
  const [host = "", port = "", ...others] = values;
  const [user, pass, vhost] = others.map(encodeURIComponent);
  const isInsecure = environment[name("INSECURE")] === "true";
  const scheme = port === ENCRYPTED_PORT ? "amqps" : "amqp";
  const url = `${scheme}://${user}:${pass}@${host}:${port}/${vhost}${isInsecure ? "?insecure=true" : ""}`;
  const bus = readBusUrl(url);
  if (bus.engine !== "zeromq" && exposureOf(bus, true) === "refused")
    throw new ZcontextError(
      "ERR_ENGINE_REFUSED",
      `${bus.url}: credentials would travel unencrypted to another machine`,
      {
        hint: `Use port ${ENCRYPTED_PORT}, or say that the way is safe: ${name("INSECURE")}=true`,
      },
    );
  return url;
}
