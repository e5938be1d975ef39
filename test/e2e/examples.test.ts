// Every context file of conf/ does what it is there to show.
import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { CONSUMERS } from "../../src/streams/index.ts";
import { gather } from "../conformance/members.ts";
import { copyExamples, finish, run, startCommand, startProgram } from "../support/command.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { startKafka } from "../support/kafka.ts";
import { freePort } from "../support/port.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

/** Their stories need more than a context file. */
const ELSEWHERE = ["Context-Node.xml"];

/** By context file: runs it to the point of its story, and leaves nothing behind. */
const STORIES: { [file: string]: (folder: Folder, file: string) => Promise<void> } = {
  async "Context-EchoAction.xml"(folder, file) {
    await replace(folder.at("conf", file), "<interval_s>5</interval_s>", "<interval_s>1</interval_s>");
    const provider = startCommand("service-context", [folder.at("conf", file), "--start"]);

    await provider.stderr.first((line) => / ts_100 .* \| IT IS \d{4}-\d\d-\d\dT\S+Z!$/.test(line));
    provider.signal("SIGINT");
    const { code, stdout } = await finish(provider);

    expect(code).toBe(0);
    expect(stdout).toEqual([expect.stringMatching(/^transaction [A-Z0-9]{20}$/)]);
  },

  async "Context-Bridge.xml"(folder, file) {
    const port = await freePort();
    await using kafka = await startKafka();
    await replace(folder.at("conf", file), "<http_port>9000</http_port>", `<http_port>${port}</http_port>`);
    const env = { KAFKA_HOST: kafka.host };
    const provider = startCommand("service-context", [folder.at("conf", file), "--start"], { env });
    await provider.stderr.first((line) => / bridge .*consuming orders over HTTPHandler$/.test(line));
    await using consumer = new CONSUMERS.KafkaHandler("orders", { host: kafka.host });
    const { got, full, add } = gather<unknown>(1);
    await consumer(add);

    const body = '{"id": 7, "customer": "ada"}';
    expect((await fetch(`http://127.0.0.1:${port}/orders`, { method: "POST", body })).status).toBe(202);
    await full;
    provider.signal("SIGINT");

    expect(got).toEqual([JSON.parse(body)]);
    expect((await finish(provider)).code).toBe(0);
  },

  async "Context-Orders.xml"(folder, file) {
    await replace(folder.at("conf", file), "<interval_s>1</interval_s>", "<interval_s>0.1</interval_s>");
    const provider = startCommand("service-context", [folder.at("conf", file), "--start"]);

    for (const said of [
      / mailer .* \| mail to linus: invoice 3$/,
      / mailer .*NonRetryableError: mallory has no mailbox$/,
    ])
      await provider.stderr.first((line) => said.test(line));
    provider.signal("SIGINT");

    expect((await finish(provider)).code).toBe(0);
  },

  async "Context-StateMachine.xml"(folder, file) {
    const { code, stdout, stderr } = await run("service-context", [folder.at("conf", file), "--until-done"]);

    expect(code).toBe(0);
    expect(stdout.slice(1)).toEqual([
      "TASK   STATE    RUNS  REASON",
      "ts001  exited   1",
      "ts002  exited   1",
      "ts003  stopped  1",
      "ts004  exited   1",
    ]);
    const triggers = stderr.flatMap(
      (line) => / (ts\d+) +trigger (\S+) .*action=(\w+) call=(.*)$/.exec(line)?.slice(1) ?? [],
    );
    expect(triggers).toEqual([
      ...["ts001", "on_exit", "start", "ts002"],
      ...["ts002", "on_exit", "start", '"ts003, ts004"'],
      ...["ts004", "on_update", "stop", "ts003"],
    ]);
  },
};

const FILES = readdirSync(new URL("../../conf", import.meta.url)).filter((name) => /^Context-.*\.xml$/.test(name));

test("every context file of conf/ has a story here", () => {
  expect(FILES.sort()).toEqual([...Object.keys(STORIES), ...ELSEWHERE].sort());
});

test.each(FILES)("%s is fine, and its code is there", async (file) => {
  await using folder = await copyExamples();

  const { code, stdout, stderr } = await run("service-context", [folder.at("conf", file), "--check"]);

  expect({ code, stderr }).toEqual({ code: 0, stderr: [] });
  expect(stdout[0]).toMatch(new RegExp(`^${folder.at("conf", file)} is fine: context context001, \\d task service`));
});

test.each(Object.keys(STORIES))("%s tells its story", async (file) => {
  await using folder = await copyExamples();

  await STORIES[file]?.(folder, file);
});

/** What somebody writes of his own in a task: the body of its `run`. */
function withoutWork(text: string): string[] {
  return text.replace(/(async run\(scope\) \{\n).*(\n {2}\},\n)/s, "$1$2").split("\n");
}

/** The lines that are missing of a text, or come in another order. */
function missingIn(lines: readonly string[], text: readonly string[]): string[] {
  let from = 0;
  return lines.filter((line) => {
    const at = text.indexOf(line, from);
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

test.each(["EchoAction", "StateMachine"])(
  "create-service writes the %s example as it is, but for the lines that somebody has added",
  async (name) => {
    await using folder = await makeFolder();
    const list = fileURLToPath(new URL(`../../conf/Services-${name}.xml`, import.meta.url));

    const { code, stdout } = await run("create-service", ["--xml_file", list, "--json"], { cwd: folder.path });

    expect(code).toBe(0);
    const { files } = JSON.parse(stdout[0] as string) as { files: { path: string }[] };
    expect(files.length).toBeGreaterThan(4);
    for (const { path } of files) {
      const written = await readFile(folder.at(path), "utf8");
      const example = await readFile(new URL(`../../${path}`, import.meta.url), "utf8");
      if (/\/(Service\w+|index)\.ts$/.test(path)) expect(example).toBe(written);
      expect({ path, missing: missingIn(withoutWork(written), withoutWork(example)) }).toEqual({ path, missing: [] });
    }
  },
);

test("create-service writes all that runs the services of the Orders example", async () => {
  await using folder = await makeFolder();
  const list = fileURLToPath(new URL("../../conf/Services-Orders.xml", import.meta.url));

  const { stdout } = await run("create-service", ["--xml_file", list, "--json"], { cwd: folder.path });

  const { files } = JSON.parse(stdout[0] as string) as { files: { path: string }[] };
  const written = files.filter(({ path }) => /\/(Service\w+\.(ts|py)|index\.ts)$/.test(path));
  expect(written).toHaveLength(5);
  for (const { path } of written)
    expect(await readFile(new URL(`../../${path}`, import.meta.url), "utf8")).toBe(
      await readFile(folder.at(path), "utf8"),
    );
});

test("the tests of the examples pass", async () => {
  await using folder = await copyExamples();

  // A bridge is built in: nobody has written code for it.
  for (const file of FILES.filter((name) => name !== "Context-Bridge.xml")) {
    const finished = await run("service-context", [`conf/${file}`, "--test"], { cwd: folder.path });
    expect(finished).toMatchObject({ code: 0, stderr: [] });
  }
});

test("the test of the example in Python passes", async () => {
  await using folder = await copyExamples();
  const env = { PYTHONPATH: fileURLToPath(new URL("../../python", import.meta.url)) };
  const words = ["-m", "unittest", "discover", "services/Mailer"];

  const { code, stderr } = await finish(startProgram("python3", words, { cwd: folder.path, env }));

  expect({ code, stderr }).toMatchObject({ code: 0 });
});

test("a broken example is refused at the line and column of what is wrong with it", async () => {
  await using folder = await copyExamples();
  const file = folder.at("conf", "Context-StateMachine.xml");
  await replace(file, "<call>ts002</call>", "<call>ts2</call>");
  const line = (await readFile(file, "utf8")).split("\n").findIndex((text) => text.includes("ts2")) + 1;

  const { code, stdout, stderr } = await run("service-context", [file, "--check"]);

  expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
  expect(stderr[0]).toBe(`error: ${file} has 1 problem (ERR_CONFIG_INVALID)`);
  expect(stderr[1]).toMatch(new RegExp(`^ {2}${file}:${line}:\\d+: .*ts2.*ts002`));
});

async function replace(file: string, piece: string, replacement: string): Promise<void> {
  const text = await readFile(file, "utf8");
  expect(text).toContain(piece);
  await writeFile(file, text.replace(piece, replacement));
}
