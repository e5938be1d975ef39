// What still has to go to one listener. Who is slow gets a fresh snapshot in place of all that has piled up, so that
// nobody holds more of us than this. Pure.

export interface Backlog {
  /** Adds an event; false when it piled up too high and everything was dropped. */
  add(text: string): boolean;
  /** All that is to be sent next, and nothing if that is nothing; asks for a snapshot where one is due. */
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
      // A snapshot that is due will have it.
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
