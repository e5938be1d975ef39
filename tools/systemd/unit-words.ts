// The words of `install-unit`, for `service-context` and `zcontext`.
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { answering } from "../program.ts";
import { givenWords } from "./given-words.ts";

/**
 * Adds the command.
 *
 * @param addProviderOptions - Adds the options of a provider, which the unit is to have.
 */
export function addInstallUnit(program: Command, addProviderOptions: (command: Command) => Command): void {
  const unit = program
    .command("install-unit")
    .description("write a systemd unit that runs the provider of a context file, at each boot once it is enabled")
    .argument("<context-file>", "a file such as conf/Context-EchoAction.xml")
    .option("--print", "print the unit, and write nothing")
    .option("--system", "a unit of the machine, in /etc/systemd/system; the default of root")
    .option("--user", "a unit of this user, in ~/.config/systemd/user; the default of all others")
    .option("--run_as <user>", "the user that runs a unit of the machine (default: root)")
    .option("--name <name>", "the unit is zcontext-<name>.service (default: of the file)")
    .option("--force", "replace a unit that was not written by this command");
  const ofProvider = new Set(addProviderOptions(new Command()).options.map((option) => option.attributeName()));
  // That of the command itself, whose answer may be JSON.
  ofProvider.delete("json");
  addProviderOptions(unit).action(
    answering(async (file: string) =>
      (await import("./install-unit.ts")).installUnit(file, unit.opts(), {
        program: fileURLToPath(new URL("service-context.cjs", import.meta.url)),
        words: givenWords(unit, ofProvider),
      }),
    ),
  );
}
