// What the commands of `context-bus` do. Each answers the exit code.
import { engineUrl } from "../../src/messaging/connect.ts";
import { answer, answerJson, EXIT } from "../print.ts";
import { type Place, placeOf } from "./connection.ts";

export { discardDead, listDead, replayDead, showDead } from "./dead-letters.ts";
export { queues } from "./queues.ts";
export { call, emit, publish } from "./send.ts";
export { tap } from "./tap.ts";

export async function printUrl(place: Place): Promise<number> {
  const url = await engineUrl(await placeOf(place));
  if (place.json) answerJson({ url });
  else answer(url);
  return EXIT.done;
}
