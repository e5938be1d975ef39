// Tables. A file of its own, so that `--help` loads no library for tables.
import Table from "cli-table3";

/** Plain columns with a head; every cell is text. */
export function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const gap = {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
  };
  const rules = { left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " };
  const table = new Table({
    head: [...head],
    chars: { ...gap, ...rules },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => [...row]));
  // trimEnd rather than a pattern, which takes quadratic time on runs of spaces.
  const lines = table.toString().split("\n");
  return lines.map((line) => line.trimEnd()).join("\n");
}
