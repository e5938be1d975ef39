// Reads a <Messaging>: how the messages between the services of a context are kept, or which server has them. Pure.
import { ZcontextError } from "../errors.ts";
import {
  DIALECTS,
  dialectFault,
  durabilityFault,
  readBusUrl,
  readStoreUrl,
  SERVER_SCHEMES,
} from "../protocol/bus-address.ts";
import { BUS_CLAIM_STORE, BUS_CREDENTIALS_FILE, BUS_PASS, BUS_USER } from "../protocol/environment.ts";
import { DURABILITIES, type Messaging } from "./model.ts";
import { childAt, textAt } from "./xml/element.ts";
import type { Reading } from "./xml/problems.ts";
import { Reader } from "./xml/reader.ts";

const DEFAULT_MESSAGING: Messaging = { durability: "file" };

/** @param root - The context. */
export function readMessaging(root: Reader, reading: Reading): Messaging {
  const element = childAt(root.element, "Messaging");
  if (element === undefined) return DEFAULT_MESSAGING;
  const own = new Reader(element, reading, "Messaging");
  const has = (name: string) => textAt(element, name) !== undefined;
  const durability = has("durability") ? own.oneOf("durability", DURABILITIES) : DEFAULT_MESSAGING.durability;
  const dialect = has("dialect") ? own.oneOf("dialect", DIALECTS) : undefined;
  const claimStore = readUrl(own, "claim_store", readStoreUrl, `set ${BUS_CLAIM_STORE} to the whole URL`);
  const where = `set ${BUS_USER} and ${BUS_PASS}, or ${BUS_CREDENTIALS_FILE}`;
  const server = readUrl(own, "url", readServerUrl, where);
  if (server !== undefined) {
    const unfit = durabilityFault(durability);
    if (unfit !== undefined) own.report("durability", unfit);
    const foreign = dialect && dialectFault(server.engine, dialect);
    if (foreign !== undefined) own.report("dialect", foreign);
  }
  const [url, store] = [textAt(element, "url")?.value, textAt(element, "claim_store")?.value];
  return {
    durability,
    ...(server && url !== undefined && { url }),
    ...(dialect && { dialect }),
    ...(claimStore && store !== undefined && { claimStore: store }),
  };
}

/** @param elsewhere - Where credentials belong. */
function readUrl<Read extends { login: unknown }>(
  own: Reader,
  name: string,
  read: (text: string) => Read,
  elsewhere: string,
): Read | undefined {
  const found = textAt(own.element, name);
  if (found === undefined) return undefined;
  try {
    const url = read(found.value);
    if (url.login === undefined) return url;
    own.report(name, `expected no credentials in this file, got some; ${elsewhere}`);
  } catch (error) {
    if (!(error instanceof ZcontextError)) throw error;
    own.report(name, [error.message, error.hint].filter((text) => text !== undefined).join(". "));
  }
  return undefined;
}

function readServerUrl(text: string) {
  const url = readBusUrl(text);
  if (url.engine !== "zeromq") return url;
  const known = SERVER_SCHEMES.map((name) => `${name}://`).join(" or ");
  throw new ZcontextError("ERR_USAGE", `expected a server, ${known}; without url the context has a broker of its own`);
}
