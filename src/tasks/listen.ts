import type { Inbox } from "../link/inbox.ts";
import { connectInbox } from "../link/link.ts";
import type { StartData } from "../protocol/pipe.ts";
import { readAnnouncement } from "./announcement.ts";
import type { Announcement } from "./define.ts";

/**
 * Calls back for every announcement of the transaction's tasks. Only a task that listens opens a subscriber: a hundred
 * that don't would each be sent all that the others say.
 */
export function listenToControl(
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
        // The fault is the task's, not the message's.
        queueMicrotask(() => {
          throw error;
        });
      }
    },
  });
}
