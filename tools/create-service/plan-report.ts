// Says what a plan of files comes to: as a tree, as differences, as a diagram, or as JSON.
import { relative } from "node:path";
import { quoteWord } from "../../src/config/command.ts";
import { drawContext } from "../../src/generator/diagram.ts";
import type { Plan } from "../../src/generator/plan.ts";
import type { PlannedFile } from "../../src/generator/planned-file.ts";
import { isWritten } from "../../src/generator/write.ts";
import { answer, paint, say } from "../print.ts";
import type { Options } from "./description.ts";
import { drawTree } from "./file-tree.ts";

export function planAsJson(plan: Plan, { dry_run, diagram }: Options): object {
  const here = (path: string) => relative(process.cwd(), path) || ".";
  return {
    result: "success",
    written: !dry_run,
    context: here(plan.contextFile),
    files: plan.files.map(({ path, fate, note }) => ({ path: here(path), fate, ...(note === "" ? {} : { note }) })),
    ...(plan.warnings.length === 0 ? {} : { warnings: plan.warnings }),
    ...(diagram ? { diagram: drawContext(plan.context) } : {}),
  };
}

export async function printPlan(plan: Plan, options: Options): Promise<void> {
  // With --diagram the diagram is the answer, and the tree goes to stderr.
  const print = options.diagram ? say : answer;
  if (!plan.isQuiet || options.dry_run) print(describePlan(plan, options));
  if (options.dry_run) print(await differences(plan.files.filter(isWritten)));
  if (options.diagram) answer(drawContext(plan.context));
  else if (!options.dry_run && !plan.isQuiet) say(nextStep(plan));
}

function describePlan({ files, site }: Plan, { dry_run }: Options): string {
  const head = dry_run ? ["nothing is written; without --dry-run this would be:"] : [];
  const leaves = files.map(({ path, fate, note }) => ({
    path: relative(site.project, path),
    text: [fate, note].filter(Boolean).join("  "),
  }));
  return [...head, drawTree(relative(process.cwd(), site.project) || ".", leaves)].join("\n");
}

/** The changes of the files, as `diff -u` shows them. */
export async function differences(files: readonly PlannedFile[]): Promise<string> {
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import("diff");
  const here = (path: string) => relative(process.cwd(), path);
  return files
    .map(({ path, before, after }) => {
      const old = before === undefined ? "/dev/null" : here(path);
      return createTwoFilesPatch(old, here(path), before ?? "", after, "", "", { headerOptions: FILE_HEADERS_ONLY });
    })
    .map((patch) =>
      patch.replace(/^[+-].*$/gm, (line) => paint(line[0] === "+" ? "green" : "red", line, process.stdout)),
    )
    .join("\n");
}

function nextStep({ contextFile }: Plan): string {
  return `next: npx service-context ${quoteWord(relative(process.cwd(), contextFile))} --start`;
}
