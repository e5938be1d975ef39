// The options of a command as they were given, to write them down for another run of it. Pure.
import type { Command } from "commander";

/** Words such as `--http 8080`, of these options, as far as they were given. */
export function givenWords(command: Command, names: ReadonlySet<string>): string[] {
  const values = command.opts();
  return command.options.flatMap((option) => {
    const name = option.attributeName();
    if (!names.has(name) || command.getOptionValueSource(name) !== "cli" || option.long == null) return [];
    const given: unknown[] = [values[name]].flat();
    const { long } = option;
    return given.flatMap((value) => (value === true ? [long] : [long, String(value)]));
  });
}
