// The Orders example on each engine, which a variable alone chooses: the same files take the same course, and its health says
// so while the server is away.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readBusUrl } from "../../src/protocol/bus-address.ts";
import { BOUND_MS } from "../support/bound.ts";
import { copyExamples, finish, type RunningCommand, run, startCommand } from "../support/command.ts";
import type { Folder } from "../support/folder.ts";
import { startNats } from "../support/nats.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { startRabbitmq, USER } from "../support/rabbitmq.ts";
import { type Relay, startRelay } from "../support/relay.ts";

leaveNoProcess();

const FILE = "Context-Orders.xml";

/** What anybody can see of it, whatever the engine. */
const COURSE = {
  mails: ["mail to ada: invoice 1", "mail to grace: invoice 2", "mail to linus: invoice 3"],
  invoice: { id: 1, customer: "ada", amount: 10 },
  refused: expect.stringContaining("NO_SUCH_INVOICE"),
  letter: {
    ...{ event: "invoices.created", group: "mailer", reason: "not-retryable", attempts: 1 },
    error: { name: "NonRetryableError", message: "mallory has no mailbox" },
  },
  replayed: "mail to mallory: invoice 4",
  code: 0,
};

/** The status of `/_health` before a server is away, meanwhile, and when it is back. */
const HEALTH = [200, 503, 200];

test("the embedded engine", async () => {
  expect(await courseAt("")).toEqual(COURSE);
});

test("NATS", async () => {
  await using server = await startNats({ more: "authorization { user: shop, password: hidden-word }" });
  await using relay = await startRelay(server.url);

  const url = relay.endpoint.replace("tcp://", "nats://shop:hidden-word@");
  expect(await courseAt(url, relay)).toEqual({ ...COURSE, health: HEALTH });
});

test("RabbitMQ", async () => {
  await using server = await startRabbitmq({ vhosts: 1 });
  const { pathname } = new URL(server.newAddress().url);
  const login = `${USER.user}:${encodeURIComponent(USER.pass)}`;

  await using relay = await startRelay(`tcp://127.0.0.1:${server.port}`);
  const url = relay.endpoint.replace("tcp://", `amqp://${login}@`) + pathname;

  expect(await courseAt(url, relay)).toEqual({ ...COURSE, health: HEALTH });
});

/** @param relay - On the way to the server, which is cut and mended in the end. */
async function courseAt(url: string, relay?: Relay): Promise<typeof COURSE> {
  await using folder = await copyExamples();
  const file = folder.at("conf", FILE);
  await writeFile(file, (await readFile(file, "utf8")).replace("<interval_s>1<", "<interval_s>0.1<"));
  const before = checksums(folder);
  const env = { ZCONTEXT_BUS_URL: url };
  await using provider = startCommand("service-context", [file, "--start", "--http", "127.0.0.1:0"], { env });
  const said = async (text: string) => {
    const line = await provider.stderr.first((one) => one.endsWith(text));
    return line.slice(line.indexOf(text));
  };
  const mails = await Promise.all(COURSE.mails.map(said));
  await said("NonRetryableError: mallory has no mailbox");
  const bus = async (...words: string[]) => run("context-bus", [...words, "--context_file", file, "--json"], { env });
  const invoice = JSON.parse((await bus("call", "billing.get_invoice", "--params", '{"id":1}')).stdout.join(""));
  const { stdout, stderr: refusal } = await bus("call", "billing.get_invoice", "--params", '{"id":0}');
  const refused = [...stdout, ...refusal].join("\n");
  let letters: Letter[] = [];
  while (letters.length === 0) letters = JSON.parse((await bus("dead", "list")).stdout.join(""));
  const [{ event, group, reason, attempts, error } = {}] = letters;
  await bus("call", "mailer.add_mailbox", "--params", '{"customer":"mallory"}');
  await bus("dead", "replay", "--all");
  const replayed = await said(COURSE.replayed);
  const health = relay && (await healthOver(relay, provider));
  provider.signal("SIGINT");
  const { code, stderr } = await finish(provider);

  expect(stderr.join("\n")).not.toContain("hidden-word");
  expect(stderr.some((line) => line.includes(url === "" ? "broker started" : "agent started"))).toBe(true);
  if (url !== "") expect(readBusUrl(url).engine).not.toBe("zeromq");
  expect(checksums(folder)).toEqual(before);
  const { name, message } = error ?? {};
  const letter = { event, group, reason, attempts, error: { name, message } };
  return { mails, invoice, refused, letter, replayed, code, ...(health && { health }) } as typeof COURSE;
}

async function healthOver(relay: Relay, { stderr }: RunningCommand): Promise<number[]> {
  const ready = await stderr.first((line) => line.includes("dashboard ready"));
  const [, url] = /url=(\S+)/.exec(ready) ?? [];
  const health = async () => {
    const response = await fetch(`${url}_health`);
    return { status: response.status, reasons: await response.text() };
  };
  const first = await health();
  await relay.cut();
  await stderr.first((line) => line.includes("server of messages can't be reached"));
  const meanwhile = await health();
  relay.mend();
  await stderr.first((line) => line.includes("server of messages reached"));
  await expect.poll(health, { timeout: BOUND_MS }).toEqual(first);
  return [first, meanwhile, await health()].map(({ status }) => status);
}

interface Letter {
  event: string;
  group: string;
  reason: string;
  attempts: number;
  error: { name: string; message: string };
}

/** Of every file of the services, in which a run leaves nothing but what Python compiles. */
function checksums(folder: Folder): { [path: string]: string } {
  const paths = readdirSync(folder.at("services"), { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
    .map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(paths.map((path) => [path, createHash("sha256").update(readFileSync(path)).digest("hex")]));
}
