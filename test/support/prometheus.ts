// Reads the text format of Prometheus, and refuses whatever its documentation does not allow.

export interface Family {
  name: string;
  help: string;
  type: string;
  samples: Sample[];
}

export interface Sample {
  name: string;
  labels: { [name: string]: string };
  value: number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: (-?\d+))?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;
const TYPES = ["counter", "gauge", "histogram", "summary", "untyped"];

/** @throws {Error} naming the line that is wrong. */
export function parseMetrics(text: string): Family[] {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let open: Family | undefined;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment !== null) open = describe(comment as unknown as string[], line);
    else if (!line.startsWith("#")) addSample(line);
  }
  return [...families.values()];

  function describe([, kind, name = "", rest = ""]: string[], line: string): Family {
    if (!NAME.test(name)) throw new Error(`a bad name: ${line}`);
    if (kind === "TYPE" && !TYPES.includes(rest)) throw new Error(`a bad type: ${line}`);
    const family = families.get(name) ?? { name, help: "", type: "untyped", samples: [] };
    if (family !== open && families.has(name)) throw new Error(`${name} comes in two groups`);
    families.set(name, family);
    if (kind === "TYPE") family.type = rest;
    else family.help = rest;
    return family;
  }

  function addSample(line: string): void {
    const [, name = "", labelText = "", number = ""] = SAMPLE.exec(line) ?? [];
    if (name === "") throw new Error(`no sample: ${line}`);
    const isPart = ["_bucket", "_sum", "_count"].some((end) => name === `${open?.name}${end}`);
    if (open === undefined || (name !== open.name && !isPart)) throw new Error(`${name} stands in no group of its own`);
    const value = /^[+-]?Inf$|^NaN$/.test(number) ? Number(number.replace("Inf", "Infinity")) : Number(number);
    if (number !== "NaN" && Number.isNaN(value)) throw new Error(`no number: ${line}`);
    const key = `${name}{${labelText}}`;
    if (seen.has(key)) throw new Error(`it comes twice: ${line}`);
    seen.add(key);
    open.samples.push({ name, labels: labelsIn(labelText, line), value });
  }
}

function labelsIn(text: string, line: string): { [name: string]: string } {
  const labels: { [name: string]: string } = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name = "", value = ""] = LABEL.exec(text) ?? [];
    if (name === "" || name.startsWith("__") || name in labels) throw new Error(`bad labels: ${line}`);
    labels[name] = value.replace(/\\(.)/g, (_, letter) => (letter === "n" ? "\n" : letter));
  }
  return labels;
}
