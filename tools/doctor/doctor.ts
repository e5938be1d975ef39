// What `zcontext doctor` does: says what is missing on this machine, for any provider or for the one of a context file.
import { descriptorShortage } from "../../src/launch/environment/descriptors.ts";
import { readContextFile } from "../context-file.ts";
import { answer, answerJson, EXIT, paint } from "../print.ts";
import { type Finding, judge, type Weight } from "./judge.ts";
import { lookAtContext, lookAtMachine } from "./look.ts";

/** The options that it takes; see `--help`. */
export interface DoctorOptions {
  context_file?: string;
  state_dir?: string;
  json?: true;
}

const SIGNS: Readonly<Record<Weight, string>> = { ok: "ok", warning: "warning", missing: "MISSING" };
const STYLES = { ok: "green", warning: "yellow", missing: "red" } as const;

/** Prints what it has found; answers the exit code, which is 1 where something needed is missing. */
export async function examine({ context_file: file, state_dir: stateDir, json }: DoctorOptions): Promise<number> {
  const [machine, context] = await Promise.all([
    lookAtMachine(),
    file === undefined ? undefined : readContextFile(file).then((config) => lookAtContext(file, { config, stateDir })),
  ]);
  const findings = judge(machine, context, neededFiles);
  const isFit = findings.every(({ weight }) => weight !== "missing");
  if (json) answerJson({ result: isFit ? "success" : "failure", findings });
  else print(findings);
  return isFit ? EXIT.done : EXIT.failed;
}

function neededFiles(tasks: number, filesMax: number): number | undefined {
  return descriptorShortage(tasks, `Max open files ${filesMax} ${filesMax} files`)?.needed;
}

function print(findings: readonly Finding[]): void {
  const width = Math.max(...findings.map(({ check }) => check.length));
  for (const { check, weight, found, follows } of findings) {
    const sign = paint(STYLES[weight], SIGNS[weight].padEnd(7), process.stdout);
    answer(`${sign}  ${check.padEnd(width)}  ${found}`);
    if (follows !== undefined) answer(`${" ".repeat(width + 11)}${follows}`);
  }
  const count = (wanted: Weight) => findings.filter(({ weight }) => weight === wanted).length;
  const warnings = count("warning");
  answer(`${count("missing")} missing, ${warnings} ${warnings === 1 ? "warning" : "warnings"}`);
}
