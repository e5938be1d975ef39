// Answers to calls that may be sent again: the second time, the method does not run. Bounded. Pure.
import type { Answer } from "./engine.ts";

type Answered = Promise<Answer> | Answer;

export interface RememberedAnswers {
  /** Runs a call once, however often one with its id comes. */
  once(id: string, run: () => Answered): Answered;
}

const REMEMBERED = 1_000;

export function createRememberedAnswers(): RememberedAnswers {
  const answers = new Map<string, Answered>();
  return {
    once(id, run) {
      const known = answers.get(id);
      if (known !== undefined) return known;
      const answer = run();
      answers.set(id, answer);
      const [oldest] = answers.keys();
      if (answers.size > REMEMBERED && oldest !== undefined) answers.delete(oldest);
      return answer;
    },
  };
}
