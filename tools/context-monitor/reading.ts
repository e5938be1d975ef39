// Reads something that takes a while, for a view: what was read last is shown until the next answer has come, and an answer
// that comes after another question was asked is dropped.
import { reasonOf } from "../../src/errors.ts";

/** What has come of a reading. */
export interface Read<Answer> {
  answer?: Answer;
  /** Why there is no answer. */
  fault?: string;
}

export interface Reading<Asked, Answer> {
  readonly now: Read<Answer>;
  /**
   * Reads, unless that has been done.
   *
   * @param subject - Of another one, what is known is shown no more.
   * @param version - Another one has it read again.
   */
  ask(asked: Asked, about: { subject: string; version: string }): void;
}

export function createReading<Asked, Answer>(
  read: (asked: Asked) => Promise<Answer>,
  onChange: () => void,
): Reading<Asked, Answer> {
  let now: Read<Answer> = {};
  let known: { subject: string; version: string } | undefined;

  async function readFor(asked: Asked, about: { subject: string; version: string }): Promise<void> {
    const found = await read(asked).then(
      (answer): Read<Answer> => ({ answer }),
      (error: unknown): Read<Answer> => ({ fault: reasonOf(error) }),
    );
    if (known !== about) return;
    now = found;
    onChange();
  }

  return {
    get now() {
      return now;
    },
    ask(asked, about) {
      if (known?.subject === about.subject && known.version === about.version) return;
      if (known?.subject !== about.subject) now = {};
      known = about;
      void readFor(asked, about);
    },
  };
}
