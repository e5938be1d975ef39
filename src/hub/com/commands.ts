// The commands that a hub may give a node: what each needs, and those that no hub may give, whatever it is called. Pure.
import { isObject, type Json, ownMember } from "../../protocol/json.ts";
import { type Answer, failed } from "../contract/shapes.ts";

/** What a node is to do. */
export type NodeCommand =
  | { name: "ping" | "restart" | "reset" | "reportState" }
  | { name: "changeState"; enabled: boolean }
  | { name: "changeDebug"; debug: boolean }
  | { name: "changeTracking"; tracking: boolean }
  | { name: "sendMessage"; service: string; action: string; message: Json }
  | { name: "update"; payload: Json };

/** A command, or the answer to one that is not carried out; `refused` says why, for the audit. */
export type Reading = { command: NodeCommand } | { answer: Answer; refused?: string };

/** Reads a command. */
export function readCommand(name: string, payload: Json): Reading {
  const refused = refusalOf(name);
  if (refused !== undefined) return { answer: failed(403, "ERR_COMMAND_REFUSED", `${name}: ${refused}`), refused };
  const read = ownMember(COMMANDS, name);
  if (read === undefined) {
    const known = Object.keys(COMMANDS).join(", ");
    return { answer: failed(400, "ERR_COMMAND_UNKNOWN", `no command ${JSON.stringify(name)}; have ${known}`) };
  }
  const command = read(isObject(payload) ? payload : {}, payload);
  if (typeof command !== "string") return { command };
  return { answer: failed(400, "ERR_PARAMS_INVALID", `${name}: expected ${command}`) };
}

/** Reads a direct method: there are two, and what no hub may do is refused as a method as well. */
export function readMethod(name: string): { enabled: boolean } | { answer: Answer; refused?: string } {
  const refused = refusalOf(name);
  if (refused !== undefined) return { answer: failed(403, "ERR_COMMAND_REFUSED", `${name}: ${refused}`), refused };
  if (name === "start" || name === "stop") return { enabled: name === "start" };
  return { answer: failed(400, "ERR_METHOD_UNKNOWN", `no method ${JSON.stringify(name)}; have start, stop`) };
}

/** Makes a command of its payload, or says what was expected in it. */
type Read = (fields: { [name: string]: Json | undefined }, payload: Json) => NodeCommand | string;

const COMMANDS: { readonly [name in NodeCommand["name"]]: Read } = {
  ping: () => ({ name: "ping" }),
  restart: () => ({ name: "restart" }),
  reset: () => ({ name: "reset" }),
  reportState: () => ({ name: "reportState" }),
  changeState: ({ enabled }) => (typeof enabled === "boolean" ? { name: "changeState", enabled } : ofFlag("enabled")),
  changeDebug: ({ debug }) => (typeof debug === "boolean" ? { name: "changeDebug", debug } : ofFlag("debug")),
  changeTracking: ({ tracking }) =>
    typeof tracking === "boolean" ? { name: "changeTracking", tracking } : ofFlag("tracking"),
  sendMessage({ service, action = "Process", message = null }) {
    if (typeof service !== "string" || typeof action !== "string")
      return '{ "service": "mailer", "action": "Process", "message": … }';
    return { name: "sendMessage", service, action, message };
  },
  update: (_, payload) => ({ name: "update", payload }),
};

function ofFlag(name: string): string {
  return `{ "${name}": true } or { "${name}": false }`;
}

/** What a hub may not do to the machine of a node, by words that stand for it in a name. */
const REFUSED: readonly (readonly [RegExp, string])[] = [
  [/shell|bash|terminal|execut|exec|script|ssh|cmd/, "a node runs no commands of a remote shell"],
  [/reboot|shutdown|poweroff|halt/, "a node does not restart its machine"],
  [/firmware|flash/, "a node does not change the firmware of its machine"],
  [/vpn|tunnel/, "a node opens no VPN"],
  [/^(npm|apt|pip)|install|packages?$/, "a node installs no packages by name; a signed manifest installs services"],
  [/selfupdate|upgrade|updatenode|updateself|updatezcontext/, "a node does not update itself"],
  [
    /(tls|ssl|certificate|verif).*(off|disable|ignore|skip|insecure|false)|(disable|ignore|skip|insecure|no).*(tls|ssl|certificate|verif)|rejectunauthorized|insecure/,
    "a node always verifies the certificate of its hub",
  ],
];

/** Why no hub may give a command of this name; undefined where it may. */
function refusalOf(name: string): string | undefined {
  if (Object.hasOwn(COMMANDS, name)) return undefined;
  const plain = name.toLowerCase().replace(/[^a-z]/g, "");
  return REFUSED.find(([pattern]) => pattern.test(plain))?.[1];
}
