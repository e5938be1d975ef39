// `zcontext announce`: a task that is no service, such as a script, says how it is getting on.
import { ZcontextError } from "../../src/errors.ts";
import { sendOnce } from "../../src/link/one-shot.ts";
import { speakerIn } from "../../src/protocol/environment.ts";
import { writeMessage } from "../../src/protocol/message.ts";
import { EXIT } from "../print.ts";
import { announcementOf } from "./announcement.ts";

/** How long the forwarder may be away: it is back within a second of its death. In milliseconds. */
const TIMEOUT_MS = 5_000;

/** Announces a word as the task in whose environment it runs; answers the exit code. */
export async function announce(word: string, items: readonly string[]): Promise<number> {
  const speaker = speakerIn(process.env);
  if (speaker === undefined)
    throw new ZcontextError("ERR_USAGE", "there is no task here that could announce anything", {
      hint: 'It is for what a task of the serviceType "Executable" runs: its provider sets ZCONTEXT_PUBLISH and others.',
    });
  const message = announcementOf(speaker, word, items);
  await sendOnce(speaker.publish, writeMessage(message), { timeoutMs: TIMEOUT_MS });
  return EXIT.done;
}
