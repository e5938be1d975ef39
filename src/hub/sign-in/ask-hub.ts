// Signs a node in at its hub, over HTTP. The secret goes over TLS, or to this machine; it stands in no error.
import { reasonOf, ZcontextError } from "../../errors.ts";
import { readSignInAnswer, type SignInAnswer, type SignInRequest } from "../contract/sign-in.ts";
import { assertSecure } from "../install/source.ts";

export interface Login {
  user: string;
  pass: string;
}

/** How long a hub may take, in milliseconds. */
const ANSWER_MS = 30_000;
const MAX_ANSWER_BYTES = 65_536;

/**
 * @param url - Of the hub; ends with a slash.
 * @throws {ZcontextError} `ERR_SIGN_IN`, or `ERR_INSTALL_DOWNLOAD` for another machine without TLS.
 */
export async function askHub(
  url: URL,
  request: SignInRequest,
  { user, pass, signal }: Login & { signal: AbortSignal },
): Promise<SignInAnswer> {
  assertSecure(url);
  const response = await fetch(new URL("sign-in", url), {
    method: "POST",
    // The secret goes to nobody but the hub that the configuration names.
    redirect: "manual",
    headers: {
      authorization: `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(request),
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
  }).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw refusal(`${url.origin} can't be reached: ${reasonOf(cause)}`, "It is tried again.");
  });
  if (response.status === 401) {
    await response.body?.cancel();
    throw refusal(
      `${url.origin} does not know the node ${user}, or its secret is another one`,
      `Run \`context-hub keygen --node ${user}\` at the hub, and bring the file here.`,
    );
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw refusal(`${url.origin} answers ${response.status}`, "<url> is that of `context-hub serve`.");
  }
  const answer = readSignInAnswer(await bodyOf(response));
  if (answer !== undefined) return answer;
  throw refusal(`${url.origin}: expected { manifest, com }, got something else`, "<url> names no hub of zcontext.");
}

async function bodyOf(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) return undefined;
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}

function refusal(message: string, hint: string): ZcontextError {
  return new ZcontextError("ERR_SIGN_IN", message, { hint });
}
