// Reads server-sent events out of the pieces in which they come. EventSource would do it for us, but can't show a
// token. Pure.

export interface ServerEvent {
  name: string;
  data: string;
}

/** A reader: each call takes the next piece and answers the events that it has completed. */
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
