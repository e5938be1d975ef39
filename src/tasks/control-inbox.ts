// The subscriber of a task that listens to the others. A task that does not listen has none: each of a hundred tasks
// would otherwise be sent all that the others announce.
import type { Inbox } from "../link/inbox.ts";
import { connectInbox } from "../link/link.ts";
import type { StartData } from "../protocol/pipe.ts";
import { readAnnouncement } from "./announcement.ts";
import type { Announcement } from "./define.ts";

/** Calls the handler for each announcement of the transaction's tasks. */
export function connectControlInbox(
  { endpoints, transaction }: StartData,
  handler: (announcement: Announcement) => void,
): Promise<Inbox> {
  return connectInbox(endpoints.subscribe, {
    topics: ["control"],
    timeoutMs: 0,
    onFrame(frame) {
      const announcement = readAnnouncement(frame, transaction);
      if (announcement === undefined) return;
      try {
        handler(announcement);
      } catch (error) {
        // The inbox drops a message that throws, but this fault is the task's: it becomes an uncaught exception.
        queueMicrotask(() => {
          throw error;
        });
      }
    },
  });
}
