// `context-hub serve`: runs the reference hub until a signal ends it.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { isPrivate, readAddress } from "../../src/http/address.ts";
import { loadPrivateKey, readIfThere } from "../../src/hub/server/catalogue.ts";
import { startHub } from "../../src/hub/server/server.ts";
import { readHttpToken } from "../http-token.ts";
import { leaveRequest } from "../leaving.ts";
import { createLog } from "../log.ts";
import { EXIT } from "../print.ts";

export interface ServeOptions {
  data: string;
  broker: string;
  root: string;
  http: string;
  http_token?: string;
  cert?: string;
  cert_key?: string;
  log_format: "pretty" | "json";
}

export async function serve({ data, broker, root, http, cert, cert_key, ...options }: ServeOptions): Promise<number> {
  const log = createLog(options.log_format, "info");
  const token = readHttpToken(options.http_token, log);
  const address = readAddress(http, { hasToken: token !== undefined });
  if ((cert === undefined) !== (cert_key === undefined))
    throw new ZcontextError("ERR_USAGE", "--cert and --cert_key go together");
  if (cert === undefined && !isPrivate(address))
    throw new ZcontextError("ERR_ENDPOINT_PUBLIC", `--http ${http} can be reached by other machines, without TLS`, {
      hint: "Give --cert and --cert_key, or use 127.0.0.1 behind a server that has TLS.",
    });
  const tls =
    cert && cert_key ? { cert: await pem("--cert", cert), key: await pem("--cert_key", cert_key) } : undefined;
  const keyFile = join(data, "hub.key");
  const key = (await readIfThere(keyFile)) === undefined ? undefined : await loadPrivateKey(keyFile);
  const leave = leaveRequest();
  const place = brokerPlace(broker, root);
  await using hub = await startHub({ data, broker: place, address, token, key, tls, log });
  log.info({ url: hub.url, broker: place.url, data, signs: key !== undefined }, "hub ready");
  await new Promise<void>((resolve) => {
    if (leave.signal.aborted) resolve();
    leave.signal.addEventListener("abort", () => resolve());
  });
  log.info({}, "hub leaving");
  return EXIT.done;
}

/** Credentials come from the environment: every user of the machine can see those of a command line. */
function brokerPlace(text: string, root: string) {
  if (!URL.canParse(text) || !/^(mqtts?|wss?):$/.test(new URL(text).protocol))
    throw new ZcontextError(
      "ERR_USAGE",
      `--broker: expected mqtt://HOST:PORT or mqtts://HOST:PORT, got ${JSON.stringify(text)}`,
    );
  const url = new URL(text);
  if (url.username !== "" || url.password !== "")
    throw new ZcontextError("ERR_USAGE", "--broker: credentials don't belong in a URL", {
      hint: "Set ZCONTEXT_HUB_USER and ZCONTEXT_HUB_PASS.",
    });
  const { ZCONTEXT_HUB_USER: user, ZCONTEXT_HUB_PASS: pass } = process.env;
  return { url: text, root, login: user === undefined || pass === undefined ? undefined : { user, pass } };
}

async function pem(option: string, path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    throw new ZcontextError("ERR_USAGE", `${option}: can't read ${path}: ${reasonOf(error)}`);
  });
}
