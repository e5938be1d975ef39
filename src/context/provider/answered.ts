// A request may come twice: a client repeats it when the answer was lost. It is answered again, and not
// carried out again.

export interface Answered {
  /** Gives the answer now, and again whenever the same request comes back. */
  remember(requestId: string | undefined, answer: () => void): void;
  /** Answers a request that was answered before; false for a new one. */
  again(requestId: string | undefined): boolean;
}

/** Requests whose answers are kept. */
const MAX_REQUESTS = 1_000;

export function createAnswered(): Answered {
  const answers = new Map<string, () => void>();
  return {
    remember(requestId, answer) {
      answer();
      if (requestId === undefined) return;
      answers.set(requestId, answer);
      const [oldest] = answers.keys();
      if (answers.size > MAX_REQUESTS && oldest !== undefined) answers.delete(oldest);
    },
    again(requestId) {
      const answer = requestId === undefined ? undefined : answers.get(requestId);
      answer?.();
      return answer !== undefined;
    },
  };
}
