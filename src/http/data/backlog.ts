// The events that wait for one listener. When too many wait they are all dropped, and a fresh snapshot takes their place:
// so a slow listener takes a bounded amount of memory. Pure.

export interface Backlog {
  /** Adds an event; false when too much waited and all of it was dropped. */
  add(text: string): boolean;
  /** What is to be sent next; empty when nothing waits. Takes a snapshot where one is due. */
  take(): string;
}

export function createBacklog({ maxLength, snapshot }: { maxLength: number; snapshot(): string }): Backlog {
  let waiting: string[] = [];
  let length = 0;
  let isDue = true;

  function clear(): void {
    waiting = [];
    length = 0;
  }

  return {
    add(text) {
      // The snapshot that is due will contain it.
      if (isDue) return true;
      waiting.push(text);
      length += text.length;
      if (length <= maxLength) return true;
      clear();
      isDue = true;
      return false;
    },
    take() {
      const text = isDue ? snapshot() : waiting.join("");
      isDue = false;
      clear();
      return text;
    },
  };
}

/** One server-sent event. JSON has no line breaks of its own. */
export function formatEvent(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
