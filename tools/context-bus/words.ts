// The commands of `context-bus`, their options and help, for the program of that name and for `zcontext bus`. Loads little,
// so that `--help` is fast; the files beside it do the work.
import { Argument, type Command, Option } from "commander";
import { answering } from "../program.ts";
import { readSeconds } from "../seconds.ts";
import type { Place } from "./connection.ts";

/** Which engine is meant, once the words have been read. */
type PlaceOf = () => Promise<Place>;

// Loaded on demand: `--help` must not wait for ZeroMQ to load.
const load = () => import("./bus-commands.ts");

/** Adds the commands to a program, or to a command of one. */
export function addBusCommands(program: Command, place: PlaceOf): void {
  addLooks(program, place);
  addDeadLetters(program, place);
  addSenders(program, place);
  addBridge(program);
  addPromises(program);
}

function command(parent: Command, words: string, description: string): Command {
  return parent.command(words).description(description);
}

function addLooks(program: Command, place: PlaceOf): void {
  command(program, "url", "print where the engine is").action(
    answering(async () => (await load()).printUrl(await place())),
  );
  const tap = command(program, "tap", "print events, signals and calls as they pass, until Ctrl-C")
    .option("--event <pattern>", "events of this name; * stands for any text")
    .option("--topic <topic>", "signals on this topic; * stands for any text")
    .addOption(new Option("--kind <kind>", "messages of this kind").choices(["event", "signal", "call"]));
  tap.action(answering(async () => (await load()).tap(await place(), tap.opts())));
  const queues = command(program, "queues", "print the queue of each group, and those of streams").option(
    "--watch",
    "again each second, until Ctrl-C",
  );
  queues.action(answering(async () => (await load()).queues(await place(), queues.opts())));
}

function addDeadLetters(program: Command, place: PlaceOf): void {
  const dead = command(program, "dead", "list, show, replay or discard dead letters");
  const list = command(dead, "list", "print the events that groups have given up")
    .option("--event <name>", "those of this event")
    .option("--group <name>", "those of this group");
  list.action(answering(async () => (await load()).listDead(await place(), list.opts())));
  command(dead, "show", "print a dead letter with its event")
    .argument("<id>", "as `dead list` prints it")
    .action(answering(async (id: string) => (await load()).showDead(await place(), id)));
  const ids = () => new Argument("[id...]", "as `dead list` prints them");
  const replay = command(dead, "replay", "give events to their groups again").addArgument(ids());
  replay.option("--all", "all dead letters");
  replay.action(answering(async (given: string[]) => (await load()).replayDead(await place(), given, replay.opts())));
  const discard = command(dead, "discard", "remove dead letters for good").addArgument(ids());
  discard.option("--all", "all dead letters").option("--yes", "don't ask on a terminal before --all");
  discard.action(
    answering(async (given: string[]) => (await load()).discardDead(await place(), given, discard.opts())),
  );
}

function addSenders(program: Command, place: PlaceOf): void {
  const emit = command(program, "emit", "emit an event")
    .argument("<name>", "domain.type, such as orders.created")
    .requiredOption("--content <json>", "its content; - reads it from stdin")
    .option("--context <json>", "its context", "{}");
  emit.action(answering(async (name: string) => (await load()).emit(await place(), name, emit.opts())));

  const call = command(program, "call", "call a method and print its result")
    .argument("<name>", "service.method, such as billing.get_invoice")
    .option("--params <json>", "its parameters; - reads them from stdin", "null")
    .option("--timeout <seconds>", "how long to wait for the result", readSeconds, 10);
  call.action(answering(async (name: string) => (await load()).call(await place(), name, call.opts())));

  const publish = command(program, "publish", "publish a signal")
    .argument("<topic>")
    .requiredOption("--content <json>", "its content; - reads it from stdin");
  publish.action(answering(async (topic: string) => (await load()).publish(await place(), topic, publish.opts())));
}

function addBridge(program: Command): void {
  const bridge = command(program, "bridge", "pass events and calls of one engine on to another, until Ctrl-C")
    .requiredOption("--from <place>", "a URL, a context file, or @FILE that holds either")
    .requiredOption("--to <place>", "the same of the other engine")
    .option("--events <names>", "events to pass on, such as orders.created,orders.paid; may be repeated", words, [])
    .option("--methods <names>", "methods of services there to be called here, as service.method", words, [])
    .option("--both", "pass the events in the other direction as well")
    .option("--group <name>", "who takes the events: for each destination another one", "bridge");
  bridge.action(answering(async () => (await import("./bridge.ts")).bridge(bridge.optsWithGlobals())));
}

function addPromises(program: Command): void {
  const schema = command(program, "schema", "look after schemata");
  const check = command(schema, "check", "fail when schemata have changed by more than additions")
    .argument("<path>", "a JSON Schema, or a folder of them")
    .requiredOption("--against <before>", "those of before: a file, a folder, or a commit of git, such as main")
    .option("--receivers_first", "allow what only receivers would miss: they are updated before senders");
  check.action(
    answering(async (path: string) =>
      (await import("./check-schemata.ts")).checkSchemata(path, check.optsWithGlobals()),
    ),
  );
  const guarantees = command(
    program,
    "guarantees",
    "print what messages are promised; with a context, for each of its groups and methods",
  );
  // Without a context it has an answer as well, so none is looked for.
  guarantees.action(
    answering(async () => (await import("./guarantees.ts")).printGuarantees(guarantees.optsWithGlobals())),
  );
}

function words(text: string, before: readonly string[]): string[] {
  return [...before, ...text.split(/[\s,]+/).filter((word) => word !== "")];
}
