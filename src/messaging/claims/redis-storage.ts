// Bodies of claim checks in Redis: the key is the bare token, and Redis removes what has expired. Reading takes nothing away,
// since several readers fetch the same body.
import { randomUUID } from "node:crypto";
import { createClient, RESP_TYPES } from "@redis/client";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { BUS_CLAIM_STORE } from "../../protocol/environment.ts";
import { certificateFault } from "../contract/certificate-fault.ts";
import type { ServerAddress } from "../contract/server.ts";
import type { MessageStorage } from "./claim-check.ts";

export interface RedisStorage extends MessageStorage {
  close(): Promise<void>;
}

/** How long storing or fetching may take, the way to a server that is away included, in milliseconds. */
const PATIENCE_MS = 10_000;
/** The longest wait between two attempts to connect, in milliseconds. */
const RETRY_MS = 1_000;
const MS_PER_S = 1_000;

/** Connects with the first body. What is asked while the server is away waits for it, within a bound. */
export function createRedisStorage({ url, login, tls }: ServerAddress, patienceMs = PATIENCE_MS): RedisStorage {
  let trouble = "no answer";
  /** What is wrong with the server's, by the last attempt. */
  let certificate: string | undefined;
  const { hostname, port } = new URL(url);
  const client = createClient({
    url,
    // Of any version: RESP3 came with Redis 6.
    RESP: 2,
    ...(login && "user" in login && { password: login.pass, ...(login.user && { username: login.user }) }),
    socket: {
      host: hostname,
      port: Number(port || DEFAULT_PORT),
      // Nothing is tried again that somebody has to mend.
      reconnectStrategy(retries, cause) {
        certificate = certificateFault(cause);
        return isRefusal(cause) || certificate !== undefined ? cause : Math.min(50 * 2 ** retries, RETRY_MS);
      },
      ...(tls && { tls: true, ...tls }),
    },
  });
  client.on("error", (error) => {
    trouble = reasonOf(error);
  });
  const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  let connected: Promise<unknown> = Promise.resolve();

  /** @throws {ZcontextError} `ERR_ENGINE_UNREACHABLE` where it takes too long. */
  async function within<Result>(work: () => Promise<Result>): Promise<Result> {
    const late = AbortSignal.timeout(patienceMs);
    const expired = new Promise<never>((_, reject) => {
      late.addEventListener("abort", () => reject(new Error(`${trouble}, after ${patienceMs} ms`)));
    });
    if (!client.isOpen) {
      certificate = undefined;
      connected = client.connect();
    }
    try {
      return await Promise.race([connected.then(work), expired]);
    } catch (error) {
      if (certificate !== undefined)
        throw new ZcontextError("ERR_ENGINE_REFUSED", `claim store ${url}: ${certificate}`, {
          hint: "The connection was not used.",
          cause: error,
        });
      const isRefused = isRefusal(error) || isRefusal(trouble);
      throw new ZcontextError(
        isRefused ? "ERR_ENGINE_REFUSED" : "ERR_ENGINE_UNREACHABLE",
        `claim store ${url}: ${reasonOf(error)}`,
        {
          hint: isRefused
            ? `Credentials are in the URL: ${BUS_CLAIM_STORE}.`
            : "Is Redis running, and is that its address?",
          cause: error,
        },
      );
    }
  }

  return {
    async storeMessage(body, ttlMs) {
      const token = randomUUID();
      const expiration = { type: "EX", value: Math.ceil(ttlMs / MS_PER_S) } as const;
      await within(() => client.set(token, body, { expiration }));
      return token;
    },
    async recoverMessage(token) {
      return (await within(() => bytes.get(token))) ?? undefined;
    },
    async close() {
      connected.catch(() => {});
      if (client.isOpen) client.destroy();
    },
  };
}

const DEFAULT_PORT = 6379;

function isRefusal(reason: unknown): boolean {
  return /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH)/.test(reasonOf(reason));
}
