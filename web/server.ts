// Requests to the server that the page came from: history, commands, and event streams that reconnect by themselves.
import type {
  CommandAnswer,
  CommandRequest,
  FoundLines,
  History,
  Letter,
  LetterAnswer,
  LetterCommand,
  OpenedLetter,
  Refusal,
  Transition,
} from "../src/http/contract/api.ts";
import { createEventReader } from "./event-stream.ts";

/** The server requires a token, or refused this one. */
export class TokenRequired extends Error {}

const KEY = "zcontext-token";
/** The pause before another attempt, doubled each time up to the longest, in milliseconds. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;
/** The server sends something at least each 15 s; after so long without a byte, in milliseconds, the stream is dead. */
const SILENCE_MS = 40_000;

// In sessionStorage: it goes with the tab, and no other tab sees it.
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
  throw new TokenRequired();
}

/** The figures of the last hour, or of so long back where the provider keeps them. */
export async function readHistory(transaction: string, backMs?: number): Promise<History> {
  const since = backMs === undefined ? {} : { since: `${Math.round(backMs / 1_000)}` };
  const response = await ask(`/api/history?${new URLSearchParams({ transaction, ...since })}`);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return (await response.json()) as History;
}

/** Whose lines are meant. */
export interface Owner {
  transaction: string;
  task: string;
}

/** The last lines of a task with a match. @throws {Error} that says what is wrong with the pattern. */
export async function searchLines({ transaction, task }: Owner, pattern: string): Promise<FoundLines> {
  const response = await ask(`/api/logs/search?${new URLSearchParams({ transaction, task, grep: pattern })}`);
  if (!response.ok) throw new Error(((await response.json()) as Refusal).reason);
  return (await response.json()) as FoundLines;
}

/** All that is kept of a task's lines; not by a link, which could carry no token. */
export async function readText({ transaction, task }: Owner): Promise<Blob> {
  const response = await ask(`/api/logs/text?${new URLSearchParams({ transaction, task })}`);
  if (!response.ok) throw new Error(((await response.json()) as Refusal).reason);
  return response.blob();
}

/** The transitions that the server has kept, the oldest first. */
export async function readTransitions(): Promise<Transition<string>[]> {
  const response = await ask("/api/transitions");
  if (!response.ok) throw new Error(`status ${response.status}`);
  return (await response.json()) as Transition<string>[];
}

/** The dead letters, the oldest first. */
export async function readLetters(): Promise<readonly Letter[]> {
  const response = await ask("/api/dead-letters");
  if (!response.ok) throw new Error(`status ${response.status}`);
  return (await response.json()) as Letter[];
}

export async function readLetter(id: string): Promise<OpenedLetter> {
  const response = await ask(`/api/dead-letter?${new URLSearchParams({ id })}`);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return (await response.json()) as OpenedLetter;
}

/** @throws {TokenRequired} when there is no token, or it is wrong. */
export function command(request: CommandRequest): Promise<CommandAnswer> {
  return post<CommandAnswer>("/api/commands", request);
}

/** @throws {TokenRequired} when there is no token, or it is wrong. */
export function commandLetters(request: LetterCommand): Promise<LetterAnswer> {
  return post<LetterAnswer>("/api/dead-letters", request);
}

async function post<Answer>(path: string, request: object): Promise<Answer> {
  if (token.get() === undefined) throw new TokenRequired();
  const response = await ask(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  return (await response.json()) as Answer;
}

export interface Listening {
  onEvent(name: string, value: unknown): void;
  onLost?(): void;
  /** Asks the user for a token; the next attempt is made when it resolves. */
  onTokenRequired?(): Promise<void>;
}

/** Listens, and reconnects whenever the connection is lost; returns a function that stops it. */
export function listen(path: string, { onEvent, onLost = () => {}, onTokenRequired }: Listening): () => void {
  const end = new AbortController();
  let pauseMs = FIRST_PAUSE_MS;
  void keepListening();
  return () => end.abort();

  async function keepListening(): Promise<void> {
    while (!end.signal.aborted) {
      try {
        await readStream();
      } catch (error) {
        if (end.signal.aborted) return;
        onLost();
        if (error instanceof TokenRequired && onTokenRequired !== undefined) {
          await onTokenRequired();
          continue;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  async function readStream(): Promise<void> {
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
      throw new Error("the server has ended the stream");
    } finally {
      clearTimeout(late);
    }
  }
}
