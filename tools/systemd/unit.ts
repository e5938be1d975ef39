// The text of a systemd unit that runs a provider. Pure.
import { ZcontextError } from "../../src/errors.ts";

/** For whom systemd runs it: for the machine, or for a user. */
export type Scope = "system" | "user";

export interface UnitFacts {
  scope: Scope;
  /** The context file, as an absolute path. */
  file: string;
  /** Program and words that run the provider, each as it is. */
  command: readonly string[];
  folder: string;
  /** Where its tasks find their programs. */
  path: string;
  /** How long an orderly stop may take, in milliseconds. */
  stopMs: number;
  /** Of a unit of the machine; root by default. */
  user?: string;
}

/** The first line of a unit that may be replaced. */
export const UNIT_MARK = "# Written by `service-context install-unit`.";

/** What systemd waits for a sign of life, in seconds. */
const WATCHDOG_S = 30;
/** What a stop may take beyond the grace periods before systemd kills it, in seconds. */
const SPARE_S = 10;
/** Exit codes of `service-context` that another try does not change: 2 for the file, 4 for what is not allowed. */
const FINAL_CODES = "2 4";

/** @throws {ZcontextError} `ERR_USAGE` for a path that no unit can have. */
export function unitText({ scope, file, command, folder, path, stopMs, user }: UnitFacts): string {
  const isSystem = scope === "system";
  return [
    UNIT_MARK,
    "[Unit]",
    `Description=zcontext ${specifiersKept(oneLine(file))}`,
    ...(isSystem ? ["Wants=network-online.target", "After=network-online.target"] : []),
    "",
    "[Service]",
    "# The provider says itself when it takes commands, how its tasks stand, and that its event loop turns.",
    "Type=notify",
    "NotifyAccess=all",
    `ExecStart=${command.map(quoteArgument).join(" ")}`,
    "ExecReload=/bin/kill -HUP $MAINPID",
    `WorkingDirectory=${specifiersKept(oneLine(folder))}`,
    `Environment=${quoteValue(`PATH=${path}`)}`,
    ...(user === undefined ? [] : [`User=${user}`]),
    "Restart=on-failure",
    "RestartSec=1",
    `RestartPreventExitStatus=${FINAL_CODES}`,
    "# SIGTERM goes to the provider alone, which stops its tasks in their order.",
    "KillMode=mixed",
    `TimeoutStopSec=${Math.ceil(stopMs / 1_000) + SPARE_S}`,
    `WatchdogSec=${WATCHDOG_S}`,
    "",
    "[Install]",
    `WantedBy=${isSystem ? "multi-user.target" : "default.target"}`,
    "",
  ].join("\n");
}

/** `zcontext-Shop.service` for `Context-Shop.xml`. */
export function unitNameOf(file: string): string {
  const base = file.slice(file.lastIndexOf("/") + 1).replace(/\.xml$/i, "");
  return `zcontext-${base.replace(/^Context-/, "").replace(/[^A-Za-z0-9:_.-]/g, "-")}.service`;
}

/** A word of a command line: without variables, specifiers and escapes. */
function quoteArgument(word: string): string {
  return quoteValue(word).replaceAll("$", () => "$$");
}

function quoteValue(text: string): string {
  return `"${specifiersKept(oneLine(text)).replace(/[\\"]/g, "\\$&")}"`;
}

function specifiersKept(text: string): string {
  return text.replaceAll("%", "%%");
}

function oneLine(text: string): string {
  if (!/\p{Cc}/u.test(text)) return text;
  throw new ZcontextError("ERR_USAGE", `${JSON.stringify(text)} has a control character, which no unit can have`, {
    hint: "Rename the file or the folder.",
  });
}
