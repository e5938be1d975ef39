// `context-bus` as people use it: one provider for all tests, whose groups and services are in the process of the tests.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import { EventBus } from "../../src/messaging/event-bus.ts";
import { NonRetryableError, ServiceError } from "../../src/messaging/index.ts";
import { BOUND_MS } from "../support/bound.ts";
import {
  type Finished,
  finish,
  programOf,
  type RunningCommand,
  run,
  startCommand,
  startProgram,
} from "../support/command.ts";
import { contextXml } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { type ProviderProcess, startProvider } from "../support/provider.ts";
import { KEY, startOnTerminal } from "../support/terminal.ts";

leaveNoProcess();

let folder: Folder;
let provider: ProviderProcess;
let bus: EventBus;

beforeAll(async () => {
  folder = await makeFolder({
    "Context-Test.xml": contextXml([{ id: "ts001", instance: "Steady", entry: "on_exit" }]),
  });
  provider = await startProvider(folder.at("Context-Test.xml"), "--start");
  bus = await EventBus.connect({ contextFile: provider.file, timeoutMs: BOUND_MS, another: true, src: "test/shop/1" });
  await bus.serve("billing", {
    get_invoice: ({ id }: { id: number }) => ({ id, total: 12.5 }),
    refuse() {
      throw new ServiceError("OUT_OF_STOCK", "none left", { details: { left: 0 }, retryable: true });
    },
    never: (_, call) => new Promise((resolve) => call.signal.addEventListener("abort", () => resolve(null))),
  });
});

afterAll(async () => {
  await bus?.close();
  await provider?.close();
  await folder?.[Symbol.asyncDispose]();
});

function command(...words: string[]): Promise<Finished> {
  return run("context-bus", [...words, "--context_file", provider.file]);
}

/** The one line of JSON that a command has answered. */
async function answerOf(...words: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await command(...words, "--json");
  expect({ code, stderr: stderr.filter((line) => !line.includes("it is held for 10 s")) }).toEqual({
    code: 0,
    stderr: [],
  });
  expect(stdout).toHaveLength(1);
  return JSON.parse(stdout[0] as string);
}

/** Starts a command that goes on until it is told to leave, and resolves when it shows what passes. */
async function watching(...words: string[]): Promise<RunningCommand> {
  const running = startCommand("context-bus", [...words, "--context_file", provider.file]);
  await running.stderr.first((line) => line.startsWith("watching"));
  return running;
}

async function leave(running: RunningCommand): Promise<number | NodeJS.Signals> {
  running.signal("SIGINT");
  return (await finish(running)).code;
}

/** Emits events that their group gives up, and resolves with the ids of its dead letters. */
async function giveUp(event: string, contents: (string | number)[]): Promise<string[]> {
  await using _ = await bus.listen(event, "mailer", function sendMail() {
    throw new NonRetryableError("no such\u001b[2J mailbox");
  });
  for (const content of contents) await bus.emit(event, { content });
  const letters = () => bus.operations.deadLetters({ event });
  await expect.poll(async () => (await letters()).length, { timeout: BOUND_MS }).toBe(contents.length);
  return (await letters()).map(({ id }) => id);
}

test("url prints where the broker is, and every command takes it", async () => {
  const { stdout } = await command("url");
  const [url = ""] = stdout;

  expect(url).toMatch(/^ipc:\/\//);
  expect(await answerOf("url")).toEqual({ url });
  expect((await run("context-bus", ["queues", "--url", url])).code).toBe(0);
  expect((await run("context-bus", ["queues"], { env: { ZCONTEXT_BUS_URL: url } })).code).toBe(0);
});

describe("emit", () => {
  test("sends an event to its groups, and prints the receipt", async () => {
    const got = deferred<unknown>();
    await bus.listen("orders.created", "billing", ({ content, context }) => got.resolve({ content, context }));

    const receipt = await answerOf("emit", "orders.created", "--content", '{"id": 7}', "--context", '{"tenant": "t1"}');

    expect(receipt).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), stored: "file", routed: true });
    expect(await got.promise).toEqual({ content: { id: 7 }, context: { tenant: "t1" } });
  });

  test("reads the content from stdin, and says when nobody listens", async () => {
    const words = ["emit", "nobody.listens", "--content", "-", "--context_file", provider.file];
    await using tap = await watching("tap", "--event", "nobody.*", "--json");

    const script = `echo '["ü"]' | "${process.execPath}" "${programOf("context-bus")}" ${words.join(" ")}`;
    const { code, stdout, stderr } = await finish(startProgram("sh", ["-c", script]));

    expect(code).toBe(0);
    expect(stdout[0]).toMatch(/^nobody\.listens id=\S+ stored=file routed=no$/);
    expect(stderr).toEqual(["no group listens to nobody.listens; it is held for 10 s for one that does"]);
    expect(JSON.parse(await tap.stdout.first(() => true))).toMatchObject({ body: { content: ["ü"], context: {} } });
  });

  test.each([
    [["emit", "orders.created", "--content", "{id: 7}"], 'got "id: 7}" at line 1, column 2'],
    [
      ["emit", "orders.created", "--content", "{}", "--context", "["],
      "--context: expected JSON, got the end of the text",
    ],
    [["emit", "orders.created"], "--content"],
    [["call", "billing.get", "--params", "seven"], '--params: expected JSON, got "seven" at line 1, column 1'],
    [["call", "billing.get", "--timeout", "soon"], "expected seconds"],
    [["tap", "--event", "a.b", "--kind", "call"], "--event a.b is of kind event, and --kind says call"],
    [["dead", "replay"], "no dead letter is named"],
    [["dead", "discard", "1-1", "--all"], "don't go together"],
    [["queues", "--url", "ipc://somewhere"], "cannot be used with"],
    [["quues"], "(Did you mean queues?)"],
  ])("and wrong usage, %j, ends with code 2", async (words, expected) => {
    const { code, stdout, stderr } = await command(...words);

    expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
    expect(stderr.join("\n")).toContain(expected);
  });
});

describe("call", () => {
  test("prints the result", async () => {
    expect(await answerOf("call", "billing.get_invoice", "--params", '{"id": 7}')).toEqual({ id: 7, total: 12.5 });
    expect((await command("call", "billing.get_invoice", "--params", '{"id": 7}')).stdout.join("\n")).toBe(
      JSON.stringify({ id: 7, total: 12.5 }, null, 2),
    );
  });

  test("prints what the service refuses with, and ends with code 1", async () => {
    const { code, stdout, stderr } = await command("call", "billing.refuse");

    expect({ code, stdout }).toEqual({ code: 1, stdout: [] });
    expect(stderr).toEqual(["error: none left (OUT_OF_STOCK)", '  details   {"left":0}', "  executed  yes"]);
    const json = await command("call", "billing.refuse", "--json");
    expect(JSON.parse(json.stdout[0] as string)).toMatchObject({
      ...{ result: "failure", code: "OUT_OF_STOCK", reason: "none left", details: { left: 0 } },
      ...{ service: "billing", method: "refuse", executed: "yes", retryable: true },
    });
  });

  test("ends with code 5 when there is no answer in time", async () => {
    const { code, stderr } = await command("call", "billing.never", "--timeout", "0.1");

    expect(code).toBe(5);
    expect(stderr[0]).toContain("(ERR_CALL_TIMEOUT)");
  });

  test("of a service that is not there names those that are", async () => {
    const { code, stderr } = await command("call", "shipping.send");

    expect(code).toBe(1);
    expect(stderr).toEqual([
      "error: shipping.send: no service shipping is known (ERR_SERVICE_UNKNOWN)",
      "  executed  no",
      "hint: Services with methods: billing (get_invoice, refuse, never).",
    ]);
  });
});

describe("tap", () => {
  test("prints events and calls as they pass, in their order", async () => {
    await using tap = await watching("tap", "--json");

    await bus.emit("stock.moved", { content: { id: 1 } });
    await bus.call("billing.get_invoice", { id: 2 });
    await tap.stdout.first((line) => line.includes('"call"'));

    const [event, call] = tap.stdout.all.map((line) => JSON.parse(line));
    expect(event).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      ...{ kind: "event", name: "stock.moved", source: "test/shop/1" },
      size: Buffer.byteLength(JSON.stringify(event.body)),
      body: { event_name: "stock.moved", content: { id: 1 }, context: {}, meta: expect.anything() },
    });
    expect(call).toMatchObject({ kind: "call", name: "billing.get_invoice", size: 8, body: { id: 2 } });
    expect(await leave(tap)).toBe(0);
  });

  test("prints signals, those of `publish` included", async () => {
    await using tap = await watching("tap", "--json");

    expect(await answerOf("publish", "temperature", "--content", '{"celsius": 21}')).toEqual({
      ...{ topic: "temperature", result: "sent, not confirmed" },
    });

    expect(JSON.parse(await tap.stdout.first(() => true))).toEqual({
      time: expect.any(String),
      ...{ kind: "signal", name: "temperature", source: expect.stringMatching(/^\/context-bus\/\d+$/) },
      ...{ size: 14, body: { celsius: 21 } },
    });
  });

  test("prints those alone that were asked for, and nothing that moves the cursor", async () => {
    await using tap = await watching("tap", "--event", "stock.*");

    await bus.call("billing.get_invoice", { id: 2 });
    await bus.emit("orders.paid", { content: null });
    await bus.emit("stock.moved", { content: "a\u001b[2J\u2028b" });

    expect(await tap.stdout.first(() => true)).toMatch(
      /^\S+Z {2}event {3}stock\.moved {2}from test\/shop\/1 {2}\d+ B {2}\{.*"a\\u001b\[2J\\u2028b".*\}$/,
    );
    expect(await leave(tap)).toBe(0);
  });

  test("whose output is not read holds up nobody, and says how much it has left out", async () => {
    await using reader = startOnTerminal([
      "sh",
      "-c",
      // Reads nothing until a key comes.
      `"${process.execPath}" "${programOf("context-bus")}" tap --event flood.* --context_file "${provider.file}" | (read key </dev/tty; wc -l)`,
    ]);
    await reader.reads("watching");

    const content = "x".repeat(4_000);
    await Promise.all(Array.from({ length: 800 }, () => bus.emit("flood.came", { content })));
    reader.types(KEY.enter);

    await reader.reads("messages are not shown: they passed faster than they were read");
    reader.types(KEY.ctrlC);
    await reader.exit;
  });

  test("goes on behind a broker that was replaced", async () => {
    await using tap = await watching("tap", "--event", "after.*", "--json");
    const started = ({ msg }: { msg: string }) => msg === "broker started";
    const { pid } = await provider.log.first(started);

    process.kill(Number(pid), "SIGKILL");
    // On a busy machine it may take so long that the command begins anew.
    const watched = () => tap.stderr.all.filter((line) => line.startsWith("watching")).length;
    await tap.stderr.first((line) => line.startsWith("the broker was replaced") || watched() > 1);
    await bus.emit("after.death", { content: 1 });

    expect(JSON.parse(await tap.stdout.first(() => true))).toMatchObject({ name: "after.death" });
  });
});

describe("queues", () => {
  test("prints a row for each group", async () => {
    await bus.listen("rows.wanted", "printer", () => {});

    const found = await answerOf("queues");
    expect(found).toContainEqual({
      ...{ event: "rows.wanted", group: "printer", ready: 0, in_flight: 0, delayed: 0, dead: 0, members: 1 },
      rate_per_s: expect.any(Number),
    });
    const { stdout } = await command("queues");
    expect(stdout[0]?.split(/ {2,}/)).toEqual([
      "EVENT",
      "GROUP",
      "READY",
      "IN FLIGHT",
      "DELAYED",
      "DEAD",
      "MEMBERS",
      "PER S",
    ]);
    expect(stdout.find((line) => line.startsWith("rows.wanted"))).toMatch(
      /^rows\.wanted +printer +0 +0 +0 +0 +1 +0\.0$/,
    );
  });

  test("prints a row for each queue that a task sends to or consumes, over any protocol", async () => {
    const port = await freePort();
    const configuration = `<protocol>HTTPHandler</protocol><http_port>${port}</http_port>`;
    await using project = await makeFolder({
      "Context-Queue.xml": contextXml([{ id: "ts001", instance: "ConsumesQueue", configuration }]),
    });
    await using consumer = await startProvider(project.at("Context-Queue.xml"), "--start");
    await consumer.log.first(({ msg }) => msg === "running");
    for (const body of ["1", "no JSON"]) await fetch(`http://127.0.0.1:${port}/queue_1`, { method: "POST", body });
    const ask = () => run("context-bus", ["queues", "--context_file", consumer.file]);
    let { stdout } = await ask();
    // They are told a second later, and stay.
    while (!stdout.join().includes("queue_1")) ({ stdout } = await ask());

    expect(stdout.map((line) => line.split(/ {2,}/))).toEqual([
      ["QUEUE", "PROTOCOL", "SENT", "UNSENT", "ACCEPTED", "REFUSED", "HANDLED", "FAILED"],
      ["queue_1", "HTTPHandler", "0", "0", "1", "1", "1", "0"],
    ]);
    expect((await run("context-bus", ["queues", "--json", "--context_file", consumer.file])).stdout).toEqual([
      expect.stringContaining('"queue":"queue_1"'),
    ]);
  });

  test("--watch prints them again and again", async () => {
    await using watch = startCommand("context-bus", ["queues", "--watch", "--json", "--context_file", provider.file]);

    await watch.stdout.first(() => watch.stdout.all.length >= 2);

    expect(watch.stdout.all.every((line) => Array.isArray(JSON.parse(line)))).toBe(true);
    expect(await leave(watch)).toBe(0);
  });
});

describe("dead", () => {
  test("list and show print why a group has given up an event, and what it was", async () => {
    const [id = ""] = await giveUp("letters.shown", [42]);

    const listed = {
      id,
      event: "letters.shown",
      group: "mailer",
      reason: "not-retryable",
      attempts: 1,
      handler: "sendMail",
    };
    const letter = {
      ...listed,
      ...{ first_at: expect.any(Number), last_at: expect.any(Number) },
      error: { name: "NonRetryableError", message: "no such\u001b[2J mailbox", stack: expect.stringContaining(" at ") },
    };
    expect(await answerOf("dead", "list", "--event", "letters.shown")).toEqual([letter]);
    expect(await answerOf("dead", "list", "--group", "none")).toEqual([]);
    expect(await answerOf("dead", "show", id)).toEqual({ ...letter, body: expect.objectContaining({ content: 42 }) });
    const { stdout } = await command("dead", "show", id);
    expect(stdout).toContain("error    NonRetryableError: no such\\u001b[2J mailbox");
    expect(stdout).toContain('  "content": 42,');
    expect(stdout.join("")).not.toContain("\u001b");
    expect((await command("dead", "list")).stdout.find((line) => line.startsWith(id))).toMatch(
      / letters\.shown +mailer +not-retryable +1 +\S+Z +NonRetryableError: no such\\u001b\[2J mailbox$/,
    );
  });

  test("show prints the content of a message above 1 MiB", async () => {
    const content = "y".repeat(1_100_000);
    const [id = ""] = await giveUp("letters.large", [content]);

    expect(await answerOf("dead", "show", id)).toMatchObject({ body: { content } });
  });

  test("replay gives an event to its group again", async () => {
    const ids = await giveUp("letters.replayed", [1, 2]);
    const again = deferred<unknown>();
    await bus.listen("letters.replayed", "mailer", ({ content, attempt }) => again.resolve({ content, attempt }));

    expect(await answerOf("dead", "replay", ids[1] as string)).toEqual({ replayed: 1, ids: [ids[1]] });

    expect(await again.promise).toEqual({ content: 2, attempt: 1 });
    expect(await answerOf("dead", "list", "--event", "letters.replayed")).toMatchObject([{ id: ids[0] }]);
  });

  test.each(["replay", "discard"])("%s of an unknown id names it, and changes nothing", async (verb) => {
    const event = `letters.kept_${verb}`;
    const [id = ""] = await giveUp(event, [1]);

    const { code, stderr } = await command("dead", verb, id, "999-1", "999-2");

    expect(code).toBe(1);
    expect(stderr[0]).toBe("error: no dead letter has the id 999-1, 999-2; nothing was changed (ERR_LETTER_UNKNOWN)");
    expect(await answerOf("dead", "list", "--event", event)).toMatchObject([{ id }]);
  });

  test("discard --all asks on a terminal, and does without in a script", async () => {
    await giveUp("letters.discarded", [1, 2]);
    const words = [programOf("context-bus"), "dead", "discard", "--all", "--context_file", provider.file];
    await using terminal = startOnTerminal([process.execPath, ...words]);

    await terminal.reads("for good?");
    terminal.types(KEY.enter);
    await terminal.reads("nothing was discarded");

    expect(await terminal.exit).toBe(1);
    expect(await bus.operations.deadLetters({ event: "letters.discarded" })).toHaveLength(2);
    expect(await answerOf("dead", "discard", "--all")).toMatchObject({ discarded: expect.any(Number) });
    expect(await bus.operations.deadLetters({})).toEqual([]);
  });
});

test("guarantees of a context says who sends and what would be lost, for each group and method", async () => {
  await using _ = await bus.listen("promises.made", "keeper", () => {});
  await bus.emit("promises.made", { content: 1 });
  const edge = { kind: "event", name: "promises.made", from: ["shop"], to: "keeper", members: 1 };
  const told = async () => (await answerOf("guarantees")) as { [name: string]: unknown };
  // The provider hears each second who has sent.
  const edges = async () => (await told()).edges;
  await expect.poll(edges, { timeout: BOUND_MS }).toContainEqual(expect.objectContaining(edge));
  const { stdout } = await command("guarantees");

  expect(await told()).toMatchObject({ engine: "zeromq", stored: "file" });
  expect(await edges()).toContainEqual(
    expect.objectContaining({ kind: "call", name: "billing.get_invoice", members: 1 }),
  );
  expect(stdout).toContain("promises.made from shop -> keeper, members: 1: at least once, stored: file");
  expect(stdout).toContain("  the broker is killed: nothing");
});

test("guarantees needs no broker", async () => {
  const { code, stdout } = await run("context-bus", ["guarantees", "--json"]);

  expect(code).toBe(0);
  expect(JSON.parse(stdout[0] as string)).toContainEqual({
    promise: "ready",
    holds: expect.stringContaining("listen"),
  });
});

describe("without a broker, the error says what to do:", () => {
  test.each([
    [["--context_file", "No-Such.xml"], 2, "ERR_CONFIG_UNREADABLE"],
    [["--url", "ipc:///nowhere/broker"], 1, "no broker is at ipc:///nowhere/broker (ERR_ENGINE_UNREACHABLE)"],
    [
      ["--url", "mqtt://us:secret@127.0.0.1:1883"],
      1,
      "no engine has the URL mqtt://127.0.0.1:1883 (ERR_ENGINE_MISSING)",
    ],
    [[], 2, "no context is named: expected --context_file or --url"],
  ])("%j", async (words, expectedCode, expected) => {
    const { code, stdout, stderr } = await run("context-bus", ["queues", ...words], { env: { ZCONTEXT_BUS_URL: "" } });

    expect({ code, stdout }).toEqual({ code: expectedCode, stdout: [] });
    expect(stderr[0]).toContain(expected);
    expect(stderr[1]).toMatch(/^hint: /);
  });

  test("no provider runs the file", async () => {
    const { code, stderr } = await run("context-bus", ["queues", "--context_file", folder.at("Context-Test.xml")]);

    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: [
        `error: ${folder.at("Context-Test.xml")}: no provider runs it (ERR_PROVIDER_UNREACHABLE)`,
        `hint: Start it: \`service-context ${folder.at("Context-Test.xml")} --start\`.`,
      ],
    });
  });
});

describe("schema check", () => {
  const order = { type: "object", properties: { id: { type: "number" } }, required: ["id"] };
  const check = (cwd: string, ...words: string[]) => run("context-bus", ["schema", "check", ...words], { cwd });

  test("lets additions pass, and names each other change, against a folder and a commit", async () => {
    await using folder = await makeFolder({ "schemata/orders/created.json": JSON.stringify(order) });
    const git = (...words: string[]) => finish(startProgram("git", words, { cwd: folder.path }));
    await git("init", "--quiet");
    await git("add", ".");
    await git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "first");
    await folder.write("schemata/orders/paid.json", "true");
    const added = { ...order, properties: { ...order.properties, note: { type: "string" } } };
    await folder.write("schemata/orders/created.json", JSON.stringify(added));

    expect(await check(folder.path, "schemata", "--against", "HEAD")).toEqual({
      code: 0,
      stdout: ["2 schemata: nothing but additions"],
      stderr: ["new: orders/paid"],
    });

    const changed = { ...order, properties: { id: { type: "integer" }, vat: true }, required: ["id", "vat"] };
    await folder.write("schemata/orders/created.json", JSON.stringify(changed));
    const { code, stdout } = await check(folder.path, "schemata", "--against", "HEAD", "--json");

    expect({ code, ...JSON.parse(stdout.join("")) }).toEqual({
      ...{ code: 1, result: "failure", schemata: 2, added: ["orders/paid"] },
      changes: [
        { schema: "orders/created", path: "id", what: "type", was: "number", is: "integer", breaks: ["senders"] },
        { schema: "orders/created", path: "vat", what: "required", was: "absent", is: "required", breaks: ["senders"] },
      ],
    });
  });

  test("lets pass what receivers would miss that are updated first, between two files", async () => {
    const wider = { ...order, properties: { id: { type: ["number", "string"] } } };
    await using folder = await makeFolder({ "was.json": JSON.stringify(order), "is.json": JSON.stringify(wider) });

    const { code, stdout } = await check(folder.path, "is.json", "--against", "was.json");
    expect(code).toBe(1);
    expect(stdout[1]).toMatch(/^is +id +type +number +number or string +receivers that have not changed/);
    expect((await check(folder.path, "is.json", "--against", "was.json", "--receivers-first")).code).toBe(0);
    expect((await check(folder.path, "was.json", "--against", "is.json", "--receivers-first")).code).toBe(1);
  });

  test.each([
    ["a schema that is none", ["bad.json", "--against", "bad.json"], "bad.json is no JSON: "],
    ["one that is not there", ["nowhere", "--against", "HEAD"], "can't read the schemata nowhere: ENOENT"],
    ["what is no commit", ["any.json", "--against", "nowhere"], "--against nowhere: there is no such file or folder"],
    ["a file and a folder", ["any.json", "--against", "more"], "any.json and more: expected two files, or two folders"],
  ])("refuses %s", async (_, words, message) => {
    await using folder = await makeFolder({ "bad.json": "{", "any.json": "true", "more/one.json": "true" });

    const { code, stderr } = await check(folder.path, ...words);

    expect(code).toBe(2);
    expect(stderr[0]).toContain(message);
  });
});
