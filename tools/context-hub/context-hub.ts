#!/usr/bin/env node
// The words of `context-hub`: its commands, their options and help. Loads little, so that `--help` is fast; the files
// beside it do the work.
import { InvalidArgumentError, Option } from "commander";
import { answering, createProgram, runProgram } from "../program.ts";

const program = createProgram(
  "context-hub",
  "Looks after nodes from afar: a hub, its signed list of services, and their installation at a node.",
).configureHelp({ showGlobalOptions: true });

program.option("--json", "answer in JSON");
const data = () => new Option("--data <dir>", "the folder of the hub").default("hub");
const place = () => program.opts();

const keygen = program
  .command("keygen")
  .description("make the keys of a hub, or let a node sign in at it")
  .addOption(data())
  .option("--node <name>", "write credentials for this node, and let it in")
  .option("--file <path>", "where its credentials go (default: NAME.credentials); requires --node");
keygen.action(answering(async () => (await import("./keygen.ts")).keygen({ ...place(), ...keygen.opts() })));

const sign = program
  .command("sign")
  .description("sign the list of services: a manifest as it is, or that of the hub's folder with a change")
  .argument("[manifest]", "a manifest in JSON; it is written in its canonical form, with manifest.sig beside it")
  .addOption(data())
  .option("--key <file>", "the private key (default: hub.key in the folder of the hub)")
  .option(
    "--add <path>",
    "publish a version: a folder, or an archive .tgz; requires --name, --version_name and --entry",
  )
  .option("--name <name>", "the service")
  .option("--version_name <version>", "its version, such as 1.2.0")
  .option("--entry <path>", "the module in it that is started")
  .option("--hosts <names>", "nodes or tags that run it, such as node-1,greenhouse (default: all)", words)
  .option("--config <json>", "its configuration", "{}")
  .option("--publish <version>", "publish a version that was added before; requires --name")
  .option("--enable <name>", "let a service run again")
  .option("--disable <name>", "let a service run nowhere")
  .option("--remove <name>", "leave a service out")
  .option("--days <n>", "how long the manifest counts (default: 30)", readDays);
sign.action(
  answering(async (manifest?: string) => (await import("./sign.ts")).sign(manifest, { ...place(), ...sign.opts() })),
);

const serve = program
  .command("serve")
  .description("run a hub with its page: for demonstration, and for small fleets")
  .addOption(data())
  .option("--broker <url>", "the broker of MQTT that nodes talk with", "mqtt://127.0.0.1:1883")
  .option("--root <topic>", "the first levels of all topics", "zcontext")
  .option("--http <address>", "where its page is, HOST:PORT or PORT on 127.0.0.1", "8090")
  .option("--http_token <token>", "take commands that carry this token; @FILE reads it from a file")
  .option("--cert <file>", "the certificate of its server, in PEM; needed for nodes on other machines")
  .option("--cert_key <file>", "the key of that certificate")
  .addOption(
    new Option("--log_format <format>", "the form of the log lines").choices(["pretty", "json"]).default("pretty"),
  );
serve.action(answering(async () => (await import("./run-hub.ts")).serve(serve.opts())));

for (const name of ["plan", "install"] as const) {
  const isPlan = name === "plan";
  const command = program
    .command(name)
    .description(isPlan ? "say what a manifest would change at this node" : "install what a manifest says at this node")
    .requiredOption("--from <place>", "the manifest: its URL or path, or that of its folder")
    .requiredOption("--key <file>", "the pinned public key of the hub, in PEM")
    .addOption(new Option("--context_file <file>", "the context file of the node").conflicts("state_dir"))
    .option("--state_dir <dir>", "the state folder of its provider, instead")
    .option("--node <name>", "the name of the node (default: that of the machine)")
    .option("--tags <names>", "its tags, such as greenhouse,test", words, []);
  if (!isPlan) command.option("--dry_run", "say what would be done, and do nothing");
  command.action(
    answering(async () => {
      const { plan, install } = await import("./installation.ts");
      const options = { ...place(), ...command.opts() } as Parameters<typeof install>[0];
      return isPlan || options.dry_run ? plan(options) : install(options);
    }),
  );
}

runProgram(program);

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

/** @throws {InvalidArgumentError} */
function readDays(text: string): number {
  const days = Number(text);
  if (Number.isFinite(days) && days > 0 && days <= 3_650) return days;
  throw new InvalidArgumentError("expected days, more than 0 and at most 3650");
}
