// Turns results into a Markdown table, and puts it into a text between two markers. Pure.
const BEGIN = "<!-- scoreboard: begin -->";
const END = "<!-- scoreboard: end -->";

/**
 * @param columns - `[{ id, title }]`
 * @param rows - `[{ number, title }]`
 * @param cells - `Map` of `<row number> <column id>`; a cell without an entry was not tried
 */
export function tableOf({ columns, rows, cells, facts }) {
  const line = (words) => `| ${words.map((word) => word.replaceAll("|", "\\|")).join(" | ")} |`;
  const lines = [
    line(["", "fault", ...columns.map(({ title }) => title)]),
    line(["---", "---", ...columns.map(() => "---")]),
    ...rows.map(({ number, title }) =>
      line([number, title, ...columns.map(({ id }) => cells.get(`${number} ${id}`) ?? "")]),
    ),
  ];
  return `${lines.join("\n")}\n\n${facts}\n`;
}

/** The text with the table between its two markers. */
export function placed(text, table) {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`no place for the table: expected ${BEGIN} and ${END}`);
  return `${text.slice(0, from + BEGIN.length)}\n\n${table}\n${text.slice(to)}`;
}
