// What `create-service` does: plans the files of services from their description, writes them, and says what it wrote.
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { planScaffold } from "../../src/generator/scaffold.ts";
import { writePlan } from "../../src/generator/write.ts";
import { answerJson, EXIT, paint, say } from "../print.ts";
import { describeServices } from "./describe-services.ts";
import type { Options } from "./description.ts";
import { planAsJson, printPlan } from "./plan-report.ts";

/** Writes services, or only says what it would write; answers the exit code. */
export async function create(options: Options): Promise<number> {
  const cwd = workingFolder();
  const draft = await describeServices(options);
  const plan = planScaffold(draft, { cwd, force: options.force, templates: options.templates });
  for (const warning of plan.warnings) say(`${paint("yellow", "warning:")} ${warning}`);
  if (!options.dry_run) writePlan(plan);
  if (options.json) answerJson(planAsJson(plan, options));
  else await printPlan(plan, options);
  return EXIT.done;
}

/** The working folder, which may have been deleted. Node remembers it after the first call. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new ZcontextError("ERR_USAGE", `the working folder is gone: ${reasonOf(error)}`, {
      hint: "Change to a folder that exists.",
      cause: error,
    });
  }
}
