// Builds dist/: tsc writes the library (modules and their types), esbuild the programs, one file each.
// Bundled CommonJS starts fastest on Node 20. Nothing is minified, so stack traces stay readable.
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { stamp } from "./built.mjs";

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
// Without --clean the files are replaced in place, so that programs running from dist/ keep theirs.
if (process.argv.includes("--clean")) rmSync("dist", { recursive: true, force: true });

const commands = [
  "service-context",
  "create-service",
  "conf-command",
  "context-monitor",
  "context-bus",
  "context-hub",
  "zcontext",
];
/** What the commands load on demand, each a file of its own: `--help` then starts in half the time. */
const onDemand = [
  ...["serve", "dashboard", "recorder", "inspect", "test-services", "daemon"].map((name) => `service-context/${name}`),
  "create-service/create",
  "conf-command/execute",
  ...["live", "monitor", "history/print-history"].map((name) => `context-monitor/${name}`),
  ...["bus-commands", "bridge", "check-schemata", "guarantees"].map((name) => `context-bus/${name}`),
  ...["keygen", "sign", "installation", "run-hub"].map((name) => `context-hub/${name}`),
  ...["announce", "control", "file-here", "list", "logs", "new", "reload", "why"].map((name) => `zcontext/${name}`),
  "systemd/install-unit",
  "doctor/doctor",
  "completion/complete",
  "log",
];
const children = {
  forwarder: "src/companions/forwarder-main.ts",
  broker: "src/messaging/engines/zeromq/broker-main.ts",
  agent: "src/messaging/agent-main.ts",
  task: "src/tasks/main.ts",
  load: "src/tasks/load-main.ts",
  "monitor-service": "src/tasks/built-in/monitor-service.ts",
  "bridge-service": "src/tasks/built-in/bridge-service.ts",
  "com-service": "src/tasks/built-in/com-service.ts",
  "logger-service": "src/tasks/built-in/logger-service.ts",
  "hub-service": "src/tasks/built-in/hub-service.ts",
};
/** What a task loads on demand. */
const tasksOnDemand = { streams: "src/tasks/handlers/streams.ts", orchestrator: "src/tasks/orchestrator.ts" };
const { version } = JSON.parse(readFileSync("package.json", "utf8"));

const tsc = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: ["ignore", "inherit", "inherit"],
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);

// zeromq loads its native binary from a path relative to its own file, which is wrong in a bundle.
const findAddon = {
  name: "find-addon",
  setup({ onLoad }) {
    onLoad({ filter: /zeromq[\\/]lib[\\/]load-addon\.js$/ }, () => ({
      contents: `
        const { loadAddon } = require("cmake-ts/build/loader");
        const { dirname, join } = require("node:path");
        exports.__esModule = true;
        exports.default = loadAddon(join(dirname(require.resolve("zeromq/package.json")), "build"));`,
      resolveDir: "node_modules/zeromq/lib",
    }));
  },
};

/** By the names that they have in dist/bin: of two files of one name, one would stand in for both. */
function fromTools(names) {
  const files = new Map(names.map((name) => [basename(name), `tools/${name}.ts`]));
  if (files.size < names.length) throw new Error(`two files of one name: ${names.join(", ")}`);
  return Object.fromEntries(files);
}
const pathsOf = (files) => new Set(Object.values(files).map((file) => resolve(file)));

// Files that commands and their parts on demand both need are kept apart, so that there is one instance of each: two classes
// ZcontextError would not recognize each other's errors.
const shared = { errors: "src/errors.ts", ...fromTools(["print"]) };
const keepApart = (shared, onDemand) => ({
  name: "keep-apart",
  setup({ onResolve }) {
    const [always, whenLazy] = [pathsOf(shared), pathsOf(onDemand)];
    onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir, kind }) => {
      if (kind === "entry-point") return undefined;
      const file = resolve(resolveDir, path);
      const isApart = always.has(file) || (whenLazy.has(file) && kind === "dynamic-import");
      return isApart ? { path: `./${basename(file, ".ts")}.cjs`, external: true } : undefined;
    });
  },
});

const options = {
  outdir: "dist/bin",
  outExtension: { ".js": ".cjs" },
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "cjs",
  // Beside the programs, but not named in them: a task runs with source maps for the sake of the service's code, and Node would
  // read ours at each start, which takes as long as the start itself.
  sourcemap: "external",
  sourcesContent: false,
  // Peers that users install, and what has files of its own.
  external: [
    "@nats-io/*",
    "@redis/client",
    "amqplib",
    "kafkajs",
    "mqtt",
    "aedes",
    "esbuild",
    "lmdb",
    "zeromq/package.json",
  ],
  define: { "import.meta.url": "importMetaUrl", ZCONTEXT_VERSION: JSON.stringify(version) },
  banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
  logLevel: "warning",
};
const tools = { ...fromTools([...commands.map((name) => `${name}/${name}`), ...onDemand]), ...shared };
const builds = await Promise.all([
  // The first import() of a process starts Node's ES module loader, which takes 30 ms; require() takes none. The child
  // entries keep import(): a task may be a module that require() can't load.
  build({
    ...options,
    entryPoints: tools,
    plugins: [findAddon, keepApart(shared, fromTools(onDemand))],
    metafile: true,
    supported: { "dynamic-import": false },
  }),
  build({
    ...options,
    entryPoints: { ...children, ...tasksOnDemand },
    plugins: [findAddon, keepApart({}, tasksOnDemand)],
  }),
]);
for (const name of commands) assertLazy(`tools/${name}/${name}.ts`, builds[0].metafile.inputs);
builds.push(
  await buildPage("web", "page.html", ["uplot/dist/uPlot.min.css"]),
  await buildPage("web/hub", "hub-page.html"),
);
if (builds.some(({ warnings }) => warnings.length > 0)) process.exit(1);
for (const name of commands) chmodSync(`dist/bin/${name}.cjs`, 0o755);
stamp();

/** What a command loads on demand is no part of what it loads always: that would slow down each start. */
function assertLazy(entry, inputs) {
  const seen = new Set();
  const visit = (file) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { path, kind, external } of inputs[file]?.imports ?? []) {
      if (external) continue;
      if (kind === "dynamic-import") throw new Error(`${file} loads ${path} on demand: it has to be in onDemand`);
      visit(path);
    }
  };
  visit(entry);
}

/** Builds a page: one file with its script and style inside. */
async function buildPage(folder, name, styles = []) {
  const page = { bundle: true, write: false, logLevel: "warning", charset: "utf8", target: "es2022" };
  const [script, style] = await Promise.all([
    build({
      ...page,
      entryPoints: [`${folder}/main.ts`],
      format: "iife",
      platform: "browser",
      legalComments: "inline",
    }),
    build({
      ...page,
      stdin: {
        contents: [...styles, "./style.css"].map((path) => `@import "${path}";`).join(" "),
        loader: "css",
        resolveDir: folder,
      },
    }),
  ]);
  const [scriptText, styleText] = [script, style].map(({ outputFiles }) => outputFiles[0].text);
  const html = readFileSync(`${folder}/page.html`, "utf8")
    .replace("/* STYLE */", () => styleText)
    .replace("/* SCRIPT */", () => scriptText);
  writeFileSync(`dist/bin/${name}`, html);
  return { warnings: [...script.warnings, ...style.warnings] };
}
