// The verbs of `zcontext` for messages between services and for what a script says.
import { type Command, Option } from "commander";
import { BUS_URL } from "../../src/protocol/environment.ts";
import { addBusCommands } from "../context-bus/words.ts";
import { answering } from "../program.ts";

export function addMessageVerbs(program: Command): void {
  addBus(program);
  program
    .command("announce <word> [items...]")
    .description("within a program that is a task: say that it has started, updated, failed or stopped")
    .addHelpText(
      "after",
      "\nAn item is name=text or name:=json, such as n=1, list:='[1, 2]' or reason='disk full'. The triggers of the task fire.",
    )
    .action(answering(async (word: string, items: string[]) => (await import("./announce.ts")).announce(word, items)));
}

/** The same code as `context-bus`. */
function addBus(program: Command): void {
  const bus = program
    .command("bus")
    .description("show the messages between services, their queues and dead letters, and send some")
    .configureHelp({ showGlobalOptions: true })
    .addOption(
      new Option(
        "-f, --context_file <file>",
        "the context file; without it and --url, the only context that runs on this machine",
      ).conflicts("url"),
    )
    .option("--url <url>", "where the engine is, instead of a file; ZCONTEXT_BUS_URL by default")
    .option("--json", "answer in JSON");
  addBusCommands(bus, async () => {
    const { context_file, url = process.env[BUS_URL] } = bus.opts();
    if (context_file !== undefined || url) return bus.opts();
    return { ...bus.opts(), ...(await (await import("./control.ts")).located({})) };
  });
}
