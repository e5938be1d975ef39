// Talks to the server that the page came from.
import type { CommandAnswer, CommandRequest, History } from "../src/http/api.ts";
import { createEventReader } from "./event-stream.ts";

/** The server wants a token, or another one. */
export class TokenWanted extends Error {}

const KEY = "zcontext-token";
/** Before another attempt, growing to the longest, in milliseconds. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;
/** The server says something at least each 15 s; after so many without a word it is gone. */
const SILENCE_MS = 40_000;

// Gone with the tab; no other page of this browser sees it.
export const token = {
  get: () => sessionStorage.getItem(KEY) ?? undefined,
  set: (text: string) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const known = token.get();
  const authorization = known === undefined ? {} : { authorization: `Bearer ${known}` };
  const headers = { ...authorization, ...(options.headers as Record<string, string> | undefined) };
  const response = await fetch(path, { ...options, headers, cache: "no-store", redirect: "error" });
  if (response.status !== 401) return response;
  token.forget();
  throw new TokenWanted();
}

/** The figures of the last hour, or of so long back where the provider keeps them. */
export async function readHistory(transaction: string, backMs?: number): Promise<History> {
  const since = backMs === undefined ? {} : { since: `${Math.round(backMs / 1_000)}` };
  const response = await ask(`/api/history?${new URLSearchParams({ transaction, ...since })}`);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return (await response.json()) as History;
}

/** @throws {TokenWanted} when there is no token, or it is wrong. */
export async function command(request: CommandRequest): Promise<CommandAnswer> {
  if (token.get() === undefined) throw new TokenWanted();
  const response = await ask("/api/commands", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  return (await response.json()) as CommandAnswer;
}

export interface Listening {
  onEvent(name: string, value: unknown): void;
  /** `wait` is until the next attempt; a token is asked for where it is undefined. */
  onLost?(): void;
  onTokenWanted?(): Promise<void>;
}

/** Listens for ever, whatever happens to the connection; answers how to stop it. */
export function listen(path: string, { onEvent, onLost = () => {}, onTokenWanted }: Listening): () => void {
  const end = new AbortController();
  let pauseMs = FIRST_PAUSE_MS;
  void keepListening();
  return () => end.abort();

  async function keepListening(): Promise<void> {
    while (!end.signal.aborted) {
      try {
        await hear();
      } catch (error) {
        if (end.signal.aborted) return;
        onLost();
        if (error instanceof TokenWanted && onTokenWanted !== undefined) {
          await onTokenWanted();
          continue;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  async function hear(): Promise<void> {
    const silence = new AbortController();
    let late = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const response = await ask(path, { signal: AbortSignal.any([end.signal, silence.signal]) });
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
      const read = createEventReader();
      const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) {
        clearTimeout(late);
        late = setTimeout(() => silence.abort(), SILENCE_MS);
        pauseMs = FIRST_PAUSE_MS;
        for (const { name, data } of read(piece.value)) onEvent(name, JSON.parse(data));
      }
      throw new Error("the server has ended it");
    } finally {
      clearTimeout(late);
    }
  }
}
