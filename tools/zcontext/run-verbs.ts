// The verbs of `zcontext` that run a provider or look at its file: the same code as `service-context`.
import type { Command } from "commander";
import { answering } from "../program.ts";
import {
  addDaemonOptions,
  addFileOptions,
  addRunOptions,
  loadInspection,
  runProvider,
} from "../service-context/provider-options.ts";
import type { ServeOptions } from "../service-context/serve.ts";
import { addInstallUnit } from "../systemd/unit-words.ts";

interface FileWords {
  context_file?: string;
}

type RunWords = FileWords & ServeOptions & { transaction?: string };

export function addRunVerbs(program: Command): void {
  const run = onFile(program, "run", "run the provider of a context file and start its tasks; prints what they print");
  run.option("--transaction <id>", "the transaction to start; without it the resumed one, or else a new one");
  addDaemonOptions(addRunOptions(addFileOptions(run))).action(
    answering(async (file: string | undefined) => {
      const { transaction = true, ...options } = run.opts<RunWords>();
      return runProvider(await fileOf(file, options), { ...options, start: transaction });
    }),
  );
  const check = onFile(program, "check", "print the problems of a context file, or what it says");
  addFileOptions(check).action(
    answering(async (file: string | undefined) =>
      (await loadInspection()).check(await fileOf(file, check.opts()), check.opts()),
    ),
  );
  addInstallUnit(program, (command) => addRunOptions(addFileOptions(command)));
}

function onFile(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument("[context-file]", "a file such as conf/Context-EchoAction.xml; without it, the only one here or in conf")
    .option("-f, --context_file <file>", "the same as an option");
}

// Loaded on demand, as all that does the work.
async function fileOf(given: string | undefined, { context_file = given }: FileWords): Promise<string> {
  return context_file ?? (await import("./file-here.ts")).soleFileHere();
}
