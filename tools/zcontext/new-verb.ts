// The verb of `zcontext` that adds a program to a context file.
import type { Command } from "commander";
import { answering } from "../program.ts";

export function addNewVerb(program: Command): void {
  const add = program
    .command("new <name> [words...]")
    .usage('<name> --command "<command>" | -- <command>')
    .description("add any program to a context file, which is made if there is none")
    .option("-f, --context_file <file>", "the context file (default: conf/Context-<folder>.xml)")
    .option("--command <command>", "the program and its arguments; or write them behind --")
    .option("--restart <policy>", "never, on-failure or always (default: never)")
    .option("--schedule <cron>", 'when it is started, such as "0 3 * * *" or @daily, rather than with the context')
    .option("--instances <n>", "so many of them: ids web.1, web.2, …")
    .option("--on_demand", "it waits for a trigger or a command, rather than to run when the context starts")
    .option(
      "--after, --depends_on <ids>",
      "tasks that must be ready first, separated by commas; may be repeated",
      collect,
    )
    .option("--cwd <dir>", "the folder that it runs in (default: this one)")
    .option("--env <NAME=value>", "a variable; may be repeated", append)
    .option("--env_file <file>", "a file of variables, read before every start; may be repeated", append)
    .option("--user <user>", "who it runs as, by name or number")
    .option("--group <group>", "its group, by name or number")
    .option("--ready <probe>", "it is ready when this URL, port, host:port or command answers")
    .option("--ready_log <pattern>", "it is ready when it prints a matching line")
    .option("--liveness <probe>", "it is ended when this URL, port, host:port or command fails three times in a row")
    .option("--stop_command <command>", "what stops it, before the stop signal")
    .option("--stop_signal <signal>", "SIGTERM, SIGINT, … (default: SIGTERM)")
    .option("--grace <seconds>", "how long it may take to stop before SIGKILL (default: 10)")
    .option("--description <text>", "what it does, for people")
    .option("--sub_port <port>", "of a file that is made: the port for listeners (default: the system chooses)")
    .option("--pub_port <port>", "of a file that is made: the port for senders (default: the system chooses)")
    .option("--force", "replace a task of that name")
    .option("--dry_run", "write nothing, and print what would change")
    .option("--start", "run the file at once")
    .option("--json", "answer in JSON");
  // Loaded on demand, as all that does the work.
  add.action(
    answering(async (name: string, words: string[]) => (await import("./new.ts")).addProgram(name, words, add.opts())),
  );
}

function append(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(/[\s,]+/).filter((id) => id !== "")];
}
