// What an error of the server or of the connection means to people: one sentence that says what is wrong, and a hint that says
// what to do. Pure.
import { reasonOf, ZcontextError } from "../../../../errors.ts";
import { certificateFault } from "../../../contract/certificate-fault.ts";
import type { ServerAddress } from "../../../contract/server.ts";
import { readServerUrl } from "./server-url.ts";

const OLDEST: readonly [number, number] = [3, 10];

export function unreachable(reason: string): ZcontextError {
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `engine rabbitmq: ${reason}`, {
    hint: "Is the server running, and can this machine reach it? Programs connect again by themselves.",
  });
}

/** Where the event loop of this program has not turned for so long that the server has taken back its events. */
export function blocked(forMs: number): ZcontextError {
  return new ZcontextError(
    "ERR_ENGINE_UNREACHABLE",
    `engine rabbitmq: the event loop was blocked for ${(forMs / 1_000).toFixed(1)} s`,
    { hint: "Its events were given to other members. Move long work to a worker thread, or let it pause." },
  );
}

/** Whether another try can't help. */
export function isPermanent({ code }: ZcontextError): boolean {
  return code !== "ERR_ENGINE_UNREACHABLE";
}

/** Of a server that is older than what this engine needs, or another one. */
export function versionFault(server: { product: string; version: string }, url: string): ZcontextError | undefined {
  const [major = 0, minor = 0] = server.version.split(".").map(Number);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  if (server.product === "RabbitMQ" && !isOld) return undefined;
  return new ZcontextError(
    "ERR_ENGINE_UNFIT",
    `${url} is ${server.product} ${server.version}: expected RabbitMQ ${OLDEST.join(".")} or later`,
    { hint: "Without it, events that wait for another attempt could be lost. Update the server." },
  );
}

/** What an error means that has ended a connection, or prevented one. */
export function faultOf(error: unknown, { url, login }: ServerAddress): ZcontextError {
  if (error instanceof ZcontextError) return error;
  const reason = reasonOf(error);
  const user = login !== undefined && "user" in login ? login.user : "guest";
  const { vhost } = readServerUrl(url);
  const certificate = certificateFault(error);
  if (certificate !== undefined) return refused(`${url}: ${certificate}`, "The connection was not used.", error);
  if (/wrong version number|packet length too long/i.test(reason))
    return refused(`${url}: the server does not speak TLS on this port`, "Use amqp://, or the port for TLS.", error);
  if (/user can only connect via localhost/.test(reason))
    return refused(`${url} refuses user ${user} from another machine`, "Create a user for it on the server.", error);
  // The client keeps from us what the server says; it has let the user in, and not into this.
  if (/Expected ConnectionOpenOk/.test(reason))
    return refused(
      `${url} does not open the virtual host ${vhost} for user ${user}: it is not there, or the user may not enter it`,
      `On the server: rabbitmqctl add_vhost ${vhost}; rabbitmqctl set_permissions -p ${vhost} ${user} ".*" ".*" ".*"`,
      error,
    );
  if (/ACCESS.REFUSED|Login was refused/i.test(reason) && !/ to (queue|exchange) /.test(reason))
    return refused(`${url} refuses user ${user}`, "Check the name and the password, and where they come from.", error);
  return operationFault(error, { url, ...(login && { login }) });
}

/** What an error means that has ended a channel: the server refuses one operation, and others go on. */
export function operationFault(error: unknown, { url, login }: ServerAddress): ZcontextError {
  if (error instanceof ZcontextError) return error;
  const reason = reasonOf(error);
  const user = login !== undefined && "user" in login ? login.user : "guest";
  if (/PRECONDITION_FAILED - inequivalent arg/.test(reason)) {
    const [, what = "something"] = /for (\S+ '[^']*')/.exec(reason) ?? [];
    return new ZcontextError("ERR_ENGINE_UNFIT", `${url}: ${what} exists with other properties: ${reason}`, {
      hint: "Another program has declared it. Delete it on the server once it is empty, or use another virtual host.",
      cause: error,
    });
  }
  if (/ACCESS_REFUSED/.test(reason)) {
    const [, what = "what it needs"] = /to ((?:queue|exchange|topic) '[^']*')/.exec(reason) ?? [];
    return refused(
      `${url} does not let user ${user} use ${what}`,
      `On the server: rabbitmqctl set_permissions -p ${readServerUrl(url).vhost} ${user} ".*" ".*" ".*"`,
      error,
    );
  }
  return unreachable(reason);
}

function refused(message: string, hint: string, cause: unknown): ZcontextError {
  return new ZcontextError("ERR_ENGINE_REFUSED", message, { hint, cause });
}
