// The verbs of `zcontext` that are for this machine, or for its shell.
import { Argument, type Command } from "commander";
import { SHELLS, type Shell } from "../completion/scripts.ts";
import { answering } from "../program.ts";

export function addMachineVerbs(program: Command): void {
  addDoctor(program);
  addCompletion(program);
}

function addDoctor(program: Command): void {
  const doctor = program
    .command("doctor")
    .description("say what is missing on this machine, and what follows from it; exit code 1 where it is needed")
    .option("-f, --context_file <file>", "look at what this context file needs as well")
    .option("--state_dir <dir>", "the folder that --state-dir of its provider names")
    .option("--json", "answer in JSON");
  doctor.action(answering(async () => (await import("../doctor/doctor.ts")).examine(doctor.opts())));
}

function addCompletion(program: Command): void {
  const load = () => import("../completion/complete.ts");
  program
    .command("completion")
    .description("print the script that has a shell complete verbs, options, and the ids of what runs")
    .addArgument(new Argument("<shell>", "which one").choices(SHELLS))
    .action(answering(async (shell: Shell) => (await load()).printScript(shell)));
  // What these scripts run.
  program
    .command("__complete", { hidden: true })
    .argument("[words...]")
    .action(answering(async (words: string[]) => (await load()).complete(program, words)));
}
