// Parses server-sent events from the pieces in which they arrive. EventSource can't send a token. Pure.

export interface ServerEvent {
  name: string;
  data: string;
}

/** Each call takes the next piece, and returns the events that it completes. */
export function createEventReader(): (piece: string) => ServerEvent[] {
  let rest = "";
  return (piece) => {
    const blocks = (rest + piece).split("\n\n");
    rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      const lines = block.split("\n");
      const find = (field: string) =>
        lines.filter((line) => line.startsWith(`${field}: `)).map((line) => line.slice(field.length + 2));
      const data = find("data");
      return data.length === 0 ? [] : [{ name: find("event")[0] ?? "message", data: data.join("\n") }];
    });
  };
}
