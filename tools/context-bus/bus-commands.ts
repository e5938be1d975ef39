// What the commands of `context-bus` do. Each answers the exit code.
import { answer, answerJson, EXIT } from "../print.ts";
import { addressOf, type Place } from "./connection.ts";

export { discardDead, listDead, replayDead, showDead } from "./dead-letters.ts";
export { queues } from "./queues.ts";
export { call, emit, publish } from "./send.ts";
export { tap } from "./tap.ts";

export async function printUrl(place: Place): Promise<number> {
  const { url } = await addressOf(place);
  if (place.json) answerJson({ url });
  else answer(url);
  return EXIT.done;
}
