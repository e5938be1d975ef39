import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

const LEAVES = ["src", "src/processes"];
const EMBEDDED = ["src/messaging/embedded", "src/messaging/embedded/broker", "src/messaging/embedded/client"];
const CONFIG = ["src/config", "src/config/xml", "src/config/service-list"];
const LAUNCH = ["src/launch/code", "src/launch/environment", "src/launch/output", "src/launch/process"];

/** What each folder may import besides itself; `src` are the files that stand there without a folder. */
const MAY_IMPORT: Record<string, string[]> = {
  src: [],
  "src/processes": ["src"],
  "src/protocol": ["src"],
  "src/config/xml": ["src"],
  "src/config": ["src", "src/protocol", "src/config/xml"],
  "src/config/service-list": ["src", "src/protocol", "src/config", "src/config/xml", "src/streams/contract"],
  "src/presence": ["src", "src/protocol", "src/config"],
  "src/link": ["src", "src/protocol"],
  "src/companions": [...LEAVES, "src/protocol", "src/link"],
  "src/launch/output": ["src", "src/protocol"],
  "src/launch/environment": ["src", "src/config", "src/config/xml"],
  "src/launch/code": ["src", "src/config", "src/config/xml", "src/launch/environment"],
  "src/launch/process": [
    ...[...LEAVES, "src/protocol", "src/config"],
    ...["src/launch/environment", "src/launch/output"],
  ],
  "src/launch": ["src", "src/protocol", "src/config", ...LAUNCH],
  "src/context/journal": [...LEAVES, "src/protocol", "src/launch/environment", "src/logs", "src/explain"],
  "src/context/task": [
    ...["src", "src/protocol", "src/config"],
    ...["src/launch", "src/launch/output", "src/launch/process"],
  ],
  "src/context/transaction": [
    ...LEAVES,
    "src/protocol",
    "src/config",
    "src/explain",
    "src/launch/process",
    "src/context/journal",
    "src/context/task",
  ],
  "src/context/provider": [
    ...[...LEAVES, "src/protocol", "src/config", "src/link", "src/companions"],
    ...["src/launch", ...LAUNCH, "src/presence"],
    ...["src/context/journal", "src/context/task", "src/context/transaction"],
  ],
  "src/context/client": ["src", "src/protocol", "src/config", "src/link", "src/presence"],
  "src/messaging/contract": ["src", "src/protocol"],
  "src/messaging/embedded": ["src", "src/protocol", "src/messaging/contract"],
  "src/messaging/embedded/broker": ["src", "src/protocol", "src/messaging/contract", "src/messaging/embedded"],
  "src/messaging/embedded/client": ["src", "src/protocol", "src/messaging/contract", "src/messaging/embedded"],
  "src/messaging/gateway": ["src", "src/protocol", "src/messaging/contract", "src/messaging/embedded"],
  "src/messaging/http": ["src", "src/protocol", "src/messaging/contract"],
  "src/messaging/claims": ["src", "src/protocol", "src/messaging/contract"],
  "src/messaging/remote": ["src", "src/protocol", "src/messaging/contract", ...EMBEDDED],
  "src/messaging/engines/memory": ["src", "src/protocol", "src/messaging/contract", ...EMBEDDED],
  "src/messaging/engines/nats": ["src", "src/protocol", "src/messaging/contract", "src/messaging/remote"],
  "src/messaging/engines/rabbitmq/server": ["src", "src/protocol", "src/messaging/contract", "src/messaging/remote"],
  "src/messaging/engines/rabbitmq/events": [
    ...["src", "src/protocol", "src/messaging/contract", "src/messaging/embedded", "src/messaging/remote"],
    "src/messaging/engines/rabbitmq/server",
  ],
  "src/messaging/engines/rabbitmq": [
    ...["src", "src/protocol", "src/messaging/contract", "src/messaging/remote"],
    ...["src/messaging/engines/rabbitmq/events", "src/messaging/engines/rabbitmq/server"],
  ],
  "src/messaging/engines/zeromq": [
    ...[...LEAVES, "src/protocol", "src/link"],
    ...["src/messaging/contract", ...EMBEDDED],
  ],
  "src/messaging/servers": [
    ...["src", "src/protocol", "src/messaging/contract", "src/messaging/claims"],
    ...["src/messaging/engines/nats", "src/messaging/engines/rabbitmq"],
  ],
  "src/messaging": [
    ...[...LEAVES, "src/protocol", "src/presence", "src/link", "src/messaging/contract"],
    ...["src/messaging/claims", "src/messaging/gateway", "src/messaging/http"],
    ...["src/messaging/engines/memory", "src/messaging/engines/zeromq", "src/messaging/servers"],
  ],
  "src/streams/contract": ["src", "src/protocol"],
  "src/streams/protocols/http": ["src", "src/protocol", "src/streams/contract"],
  "src/streams/protocols/in-process": ["src", "src/protocol", "src/streams/contract"],
  "src/streams/protocols/bus": ["src", "src/protocol", "src/messaging", "src/streams/contract"],
  "src/streams/protocols/kafka": ["src", "src/protocol", "src/messaging/servers", "src/streams/contract"],
  "src/streams/protocols/rabbitmq": [
    ...["src", "src/protocol", "src/messaging/servers", "src/messaging/engines/rabbitmq", "src/streams/contract"],
  ],
  "src/streams": [
    ...["src", "src/streams/contract"],
    ...["bus", "http", "in-process", "kafka", "rabbitmq"].map((protocol) => `src/streams/protocols/${protocol}`),
  ],
  "src/hub/contract": ["src", "src/protocol"],
  "src/hub/com/providers": ["src", "src/protocol", "src/hub/contract"],
  "src/hub/com": ["src", "src/protocol", "src/hub/contract", "src/hub/com/providers"],
  "src/hub/simulator": ["src", "src/protocol", "src/hub/contract", "src/hub/com/providers"],
  "src/hub": ["src/hub/contract"],
  "src/hub/install": ["src", "src/protocol", "src/config", "src/launch/process"],
  "src/hub/sign-in": ["src", "src/protocol", "src/hub/contract", "src/hub/com", "src/hub/install"],
  "src/hub/server": ["src", "src/protocol", "src/hub/contract", "src/hub/install", "src/http"],
  "src/tasks/contract": ["src/messaging", "src/streams"],
  "src/tasks/handlers": [
    ...["src", "src/protocol", "src/messaging", "src/messaging/contract", "src/streams", "src/tasks/contract"],
  ],
  "src/tasks": [
    ...["src", "src/protocol", "src/link", "src/context/client", "src/tasks/contract", "src/tasks/handlers"],
    ...["src/messaging", "src/messaging/contract", "src/streams", "src/streams/contract", "src/http/data"],
  ],
  "src/tasks/built-in": [
    ...["src", "src/protocol", "src/link", "src/streams", "src/tasks", "src/tasks/contract"],
    ...["src/context/client", "src/hub/contract", "src/hub/com", "src/hub/sign-in"],
  ],
  "src/tasks/rehearsal": [
    ...["src", "src/protocol", "src/tasks", "src/tasks/contract", "src/tasks/handlers"],
    ...["src/messaging", "src/messaging/contract", "src/messaging/engines/memory", "src/hub/simulator"],
  ],
  "src/monitor": [...LEAVES, "src/protocol"],
  "src/generator": ["src", "src/protocol", ...CONFIG],
  "src/history": ["src", "src/protocol"],
  "src/logs": ["src", "src/protocol"],
  "src/explain": ["src", "src/protocol"],
  "src/http/contract": ["src", "src/protocol", "src/config", "src/history", "src/logs"],
  "src/http/data": ["src", "src/protocol", "src/config", "src/history", "src/logs", "src/http/contract"],
  "src/http": ["src", "src/protocol", "src/http/contract", "src/http/data"],
  web: ["src", "src/protocol", "src/http/contract"],
  "web/hub": ["src/hub/contract"],
  tools: [
    ...["src", "src/protocol", "src/config", "src/launch", "src/presence"],
    ...["src/messaging", "src/http/contract"],
  ],
  "tools/completion": ["tools", "tools/kept", "src/presence", "src/context/journal"],
  "tools/doctor": [
    ...["tools", "tools/service-context", "src", "src/protocol", "src/config", "src/launch/environment", "src/link"],
    ...["src/presence", "src/messaging/engines/zeromq", "src/context/journal"],
  ],
  "tools/systemd": ["tools", "src", "src/protocol", "src/context/transaction"],
  "tools/service-context": [
    ...[
      "tools",
      "tools/systemd",
      "src",
      "src/protocol",
      "src/config",
      "src/config/xml",
      "src/launch",
      "src/launch/code",
      "src/launch/environment",
      "src/link",
      "src/messaging",
      "src/monitor",
      "src/generator",
      "src/history",
      "src/hub/install",
      "src/logs",
      "src/explain",
      "src/http",
      "src/http/contract",
    ],
    ...["src/context/client", "src/context/journal", "src/context/provider", "src/context/transaction"],
  ],
  "tools/conf-command": [
    ...["tools", "src", "src/protocol", "src/config", "src/link", "src/launch/code"],
    ...["src/context/client", "src/context/task"],
  ],
  "tools/context-bus": [
    ...["tools", "tools/context-bus/schema"],
    ...["src", "src/protocol", "src/link", "src/messaging", "src/messaging/contract", "src/context/client"],
  ],
  "tools/context-bus/schema": ["src", "src/protocol"],
  "tools/context-hub": [
    ...[
      "tools",
      "src",
      "src/protocol",
      "src/launch/environment",
      "src/http",
      "src/hub/install",
      "src/hub/server",
      "src/context/client",
      "src/presence",
    ],
  ],
  "tools/zcontext": [
    ...[
      "tools",
      "tools/kept",
      "tools/systemd",
      "tools/doctor",
      "tools/completion",
      "tools/conf-command",
      "tools/context-monitor",
      "tools/service-context",
      "tools/context-bus",
      "tools/create-service",
    ],
    ...["src/config", "src/generator", "src/launch/environment"],
    ...["src", "src/protocol", "src/link", "src/logs", "src/explain", "src/presence", "src/context/journal"],
    ...["src/context/client", "src/context/provider"],
  ],
  "tools/kept": [...["tools", "src", "src/protocol", "src/logs", "src/explain", "src/presence", "src/context/journal"]],
  "tools/create-service": ["tools", "src", "src/protocol", "src/config", "src/config/service-list", "src/generator"],
  "tools/context-monitor": [
    ...["tools", "tools/kept", "tools/context-monitor/history", "tools/context-monitor/terminal"],
    ...["src", "src/protocol", "src/config", "src/link", "src/logs", "src/messaging", "src/http/contract"],
    ...["src/presence", "src/context/client", "src/context/journal"],
  ],
  "tools/context-monitor/history": [
    ...["tools", "tools/context-monitor/terminal"],
    ...["src", "src/protocol", "src/history", "src/presence", "src/context/journal"],
  ],
  "tools/context-monitor/terminal": ["src", "src/protocol"],
};

/** The files through which a library comes in: changing one changes one place. */
const DOORS: Record<string, RegExp> = {
  "@nats-io/jetstream": /^src\/messaging\/engines\/nats\//,
  "@nats-io/transport-node": /^src\/messaging\/engines\/nats\//,
  "@clack/prompts": /^tools\//,
  "@dagrejs/dagre": /^web\/layout\.ts$/,
  aedes: /^src\/hub\/simulator\/azure-simulator\.ts$/,
  amqplib: /^src\/messaging\/engines\/rabbitmq\//,
  croner: /^src\/config\/schedule\.ts$/,
  "cli-table3": /^tools\/columns\.ts$/,
  "@redis/client": /^src\/messaging\/claims\/redis-storage\.ts$/,
  commander: /^tools\//,
  diff: /^tools\//,
  esbuild: /^src\/launch\/code\/bundle\.ts$/,
  "fast-string-width": /^tools\/context-monitor\/terminal\/text\.ts$/,
  "fast-xml-parser": /^src\/config\/xml\/xml\.ts$/,
  "fastest-levenshtein": /^src\/suggest\.ts$/,
  "get-tsconfig": /^src\/launch\/code\/imports\.ts$/,
  "@hono/node-server": /^src\/(streams\/protocols\/http|hub\/server)\//,
  handlebars: /^src\/generator\/render\.ts$/,
  hono: /^src\/(streams\/protocols\/http|hub\/server)\//,
  "hono/body-limit": /^src\/(streams\/protocols\/http|hub\/server)\//,
  kafkajs: /^src\/streams\/protocols\/kafka\//,
  lmdb: /^src\/(messaging\/engines\/zeromq\/lmdb-store|hub\/(com\/outbox|server\/records))\.ts$/,
  mqtt: /^src\/hub\/(com\/providers\/mqtt-link|server\/broker)\.ts$/,
  "node:child_process":
    /^(src\/(companions\/companion|launch\/(process\/(leader|system-program|trial)|output\/output-pipes))|tools\/(programs|service-context\/daemon|context-bus\/schema\/sources))\.ts$/,
  pidusage: /^src\/monitor\/sample\.ts$/,
  pino: /^tools\/log\.ts$/,
  "prom-client": /^src\/http\/data\/((bus|stream)-)?metrics\.ts$/,
  re2js: /^src\/line-pattern\.ts$/,
  saxes: /^src\/config\/xml\/xml\.ts$/,
  tar: /^src\/hub\/install\/archive\.ts$/,
  uplot: /^web\/charts\.ts$/,
  xstate: /^src\/context\/task\/lifecycle(-actions)?\.ts$/,
  valibot: /^src\/protocol\/schema\.ts$/,
  zeromq: /^src\/(link|companions|messaging\/engines\/zeromq)\//,
};

/** What a file says at the end of its opening comment when it decides and never touches. */
const PURE = / Pure\.$/;
const EDGES = /^node:(fs|net|child_process|timers|worker_threads|os)/;

interface Import {
  from: string;
  to: string;
}

const files = ["src", "tools", "web"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join(folder, path)),
);
const imports: Import[] = files.flatMap((from) =>
  [...readFileSync(join(root, from), "utf8").matchAll(/\b(?:from\s+|import\s*\(?\s*)"([^"\n]+)"/g)].map(
    ([, to = ""]) => ({
      from,
      to,
    }),
  ),
);
const local = imports
  .filter(({ to }) => to.startsWith("."))
  .map(({ from, to }) => ({ from, to: relative(root, join(root, dirname(from), to)) }));
const outside = imports.filter(({ to }) => !to.startsWith("."));

/** No file, socket, child, timer or clock; what it imports of ours is pure as well, or a leaf. */
function isPure(file: string): boolean {
  const [opening = ""] = /^(?:\/\/.*\n)*/.exec(readFileSync(join(root, file), "utf8")) ?? [];
  return PURE.test(opening.trimEnd());
}

/** The files that are loaded together with one: it imports more than types of them, and not on demand. */
function loadedWith(file: string): string[] {
  const statements = /^(?:import|export)\s+(?!type\b)(?:[^;"]*?\bfrom\s+)?"(\.[^"\n]+)"/gm;
  const found = [...readFileSync(join(root, file), "utf8").matchAll(statements)];
  return found.map(([, to = ""]) => relative(root, join(root, dirname(file), to)));
}

/** The public face names parts of all folders, and nobody inside imports it. */
const FACE = "src/index.ts";

describe("imports", () => {
  test("run one way, from the edges to the pure middle", () => {
    const wrong = local.filter(({ from, to }) => {
      const [here, there] = [dirname(from), dirname(to)];
      return from !== FACE && here !== there && !MAY_IMPORT[here]?.includes(there);
    });

    expect(wrong).toEqual([]);
  });

  test("never name the public face", () => {
    expect(local.filter(({ to }) => to === FACE)).toEqual([]);
  });

  test("reach every library through its one door", () => {
    const wrong = outside.filter(({ from, to }) => DOORS[to] !== undefined && !DOORS[to].test(from));

    expect(wrong).toEqual([]);
  });

  test("name no library without a door", () => {
    const unknown = outside.filter(({ to }) => !to.startsWith("node:") && DOORS[to] === undefined);

    expect(unknown).toEqual([]);
  });

  test("bring nothing of the world into the pure files", () => {
    const wrong = outside.filter(({ from, to }) => isPure(from) && EDGES.test(to));

    expect(wrong).toEqual([]);
  });

  test("lead the page to types of the server, and to no code of it but what it has to say of states, names and queues", () => {
    const code = files
      .filter((file) => file.startsWith("web/"))
      .flatMap((file) => [
        ...readFileSync(join(root, file), "utf8").matchAll(/^import (?!type )[^;]*"\.\.\/(src\/[^"]*)"/gm),
      ]);

    expect(new Set(code.map(([, path]) => path))).toEqual(
      new Set(["src/protocol/task-state.ts", "src/protocol/stream-figures.ts", "src/cut-middle.ts"]),
    );
  });

  test("lead from what the tests of users load to no socket", () => {
    const reached = new Set(["src/tasks/rehearsal/rehearse.ts"]);
    for (const here of reached) for (const file of loadedWith(here)) reached.add(file);

    expect(reached).toContain("src/messaging/engines/memory/memory-engine.ts");
    expect(outside.filter(({ from, to }) => reached.has(from) && to === "zeromq")).toEqual([]);
  });

  test("are found at all, so that these rules can fail", () => {
    expect(local.length).toBeGreaterThan(100);
    expect(new Set(outside.map(({ to }) => to))).toContain("zeromq");
  });
});
