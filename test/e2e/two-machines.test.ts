// Two hosts with a provider each, and a server on a third one. A link is cut and heals, and a host dies: the members of the group
// on the other host take over, and nothing that was confirmed is lost.
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { BOUND_MS } from "../support/bound.ts";
import { copyExamples, programOf, startProgram } from "../support/command.ts";
import { contextXml, SERVICES } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import {
  type Kind,
  type Machine,
  type Machines,
  namespaceRefusal,
  startMachines,
  startNamespaces,
} from "../support/machines.ts";
import { startNats } from "../support/nats.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { startRabbitmq, USER } from "../support/rabbitmq.ts";

leaveNoProcess();

const refusal = namespaceRefusal();
const LOOPBACK = "loopback addresses";
const CASES: [Kind, keyof typeof SERVERS, string][] =
  refusal === undefined
    ? [
        ["namespaces", "NATS", ""],
        ["namespaces", "RabbitMQ", ""],
        [LOOPBACK, "NATS", ""],
      ]
    : [
        [LOOPBACK, "NATS", `, since this system refuses namespaces: ${refusal}`],
        [LOOPBACK, "RabbitMQ", `, since this system refuses namespaces: ${refusal}`],
      ];

// Each of its waits has its own bound; the servers take their time to miss a host.
const TIMEOUT_MS = 4 * BOUND_MS;

test.each(CASES)(
  "nothing confirmed is lost by a cut link or a dead host: %s, %s%s",
  { timeout: TIMEOUT_MS },
  async (kind, engine) => {
    await using machines = await startMachines(kind);
    await using server = await SERVERS[engine](machines);
    await using folder = await makeFolder();
    const hosts = await Promise.all(
      [machines.east, machines.west].map((machine) => startHost(machine, server, folder)),
    );
    const [east, west] = hosts as [Host, Host];
    const other = (host: Host) => (host === east ? west : east);
    await Promise.all(hosts.map((host) => host.until(({ handled }) => handled.length > 0)));

    // Both sides notice: the host that it can't reach the server, the server that it has to give the order to the other host.
    const cut = await holderOf("held-1", hosts);
    await cut.machine.cut();
    await cut.says("server of messages can't be reached", 1);
    await other(cut).until(({ handled }) => handled.includes("held-1"));
    await cut.machine.heal();
    await cut.says("server of messages reached", 2);
    const { handled: before } = await cut.notes();
    await cut.until(({ handled }) => handled.length > before.length + MORE_THAN_IT_HAD);
    expect(cut.lines(/ running .* pid=/)).toHaveLength(2);

    const dead = await holderOf("held-2", hosts);
    const survivor = other(dead);
    await dead.machine.die();
    await survivor.until(({ handled }) => handled.includes("held-2"));
    await survivor.command("conf-command", "--action", "stop", "--task_id", "shop", "--context_file", survivor.file);
    await expect.poll(() => waitingAt(survivor), { timeout: BOUND_MS }).toBe(0);

    const notes = await Promise.all(hosts.map((host) => host.notes()));
    const all = (what: keyof Notes) => new Set(notes.flatMap((note) => note[what]));
    const [confirmed, handled, given] = [all("confirmed"), all("handled"), all("dead")];
    expect(given.size).toBeGreaterThan(0);
    expect([...confirmed].filter((id) => !handled.has(id) && !given.has(id))).toEqual([]);
    const letters = (await survivor.ask("dead", "list")) as { id: string }[];
    // A letter is stored before its event is settled: a link that is cut in between has it stored once more.
    expect(new Set(letters.map(({ id }) => id)).size).toBe(given.size);
  },
);

test.skipIf(refusal !== undefined)("the walk of docs/scale-out.md does what is said there", async () => {
  await using folder = await copyExamples();
  await using machines = await startNamespaces();
  const start = (words: string) => {
    const commands = machines.commandsWith(words).replace(/npx ([\w-]+)/, (_, name) => {
      return `${process.execPath} ${programOf(name)}`;
    });
    return startProgram("sh", ["-euc", commands.replace("ip netns exec", "exec ip netns exec")], { cwd: folder.path });
  };
  await using server = start("nats-server");
  await server.stderr.first((line) => line.includes("Server is ready"));
  await using east = start("east/conf");
  await using west = start("west/conf");
  const reached = () => west.stderr.all.filter((line) => line.includes("server of messages reached")).length;
  await Promise.all([east, west].map(({ stderr }) => stderr.first((line) => line.includes("| invoice "))));

  await machines.west.cut();
  await west.stderr.first((line) => line.includes("server of messages can't be reached"));
  await machines.west.heal();
  await west.stderr.first(() => reached() > 1);
  const from = west.stderr.all.length;
  await west.stderr.first((line) => line.includes("| invoice "), { from });

  expect(west.stderr.all.filter((line) => / (shop|billing) +running /.test(line))).toHaveLength(2);
});

/** What a member that is given no further event may still handle. */
const MORE_THAN_IT_HAD = 16;

interface Server extends AsyncDisposable {
  urlFrom(machine: Machine): Promise<string>;
}

const SERVERS = {
  async NATS({ server: place }: Machines): Promise<Server> {
    const server = await startNats({ place });
    return {
      urlFrom: async (machine) => `nats://${await machine.serverFrom(server.port)}`,
      [Symbol.asyncDispose]: server[Symbol.asyncDispose],
    };
  },
  async RabbitMQ({ server: place }: Machines): Promise<Server> {
    const server = await startRabbitmq({ vhosts: 1, place, heartbeatS: 5 });
    const { pathname } = new URL(server.newAddress().url);
    const login = `${USER.user}:${encodeURIComponent(USER.pass)}`;
    return {
      urlFrom: async (machine) => `amqp://${login}@${await machine.serverFrom(server.port)}${pathname}?insecure=true`,
      [Symbol.asyncDispose]: server[Symbol.asyncDispose],
    };
  },
};

/** The ids of orders that the services of a host have written down. */
type Notes = Record<"confirmed" | "handled" | "dead" | "holds", string[]>;

interface Host {
  readonly machine: Machine;
  /** Its context file. */
  readonly file: string;
  notes(): Promise<Notes>;
  until(holds: (notes: Notes) => boolean): Promise<void>;
  /** Resolves when the provider has said this so many times. */
  says(phrase: string, times: number): Promise<unknown>;
  lines(pattern: RegExp): string[];
  /** Runs a command here, and answers what it prints. */
  command(name: "conf-command" | "context-bus", ...words: string[]): Promise<string>;
  ask(...words: string[]): Promise<unknown[]>;
}

/** Starts a provider whose services emit orders, handle those of everybody, and write both down. */
async function startHost(machine: Machine, server: Server, folder: Folder): Promise<Host> {
  const { name } = machine;
  const written = await folder.write(`${name}/notes`, "");
  const configuration = `<device_action>sell</device_action><host>${name}</host><file>${written}</file>`;
  const file = await folder.write(
    `${name}/Context-Test.xml`,
    contextXml([
      { id: "ledger", instance: "WritesOrders", configuration },
      { id: "shop", instance: "EmitsOrders", configuration },
    ]),
  );
  const env = { ZCONTEXT_BUS_URL: await server.urlFrom(machine), NODE_NO_WARNINGS: "1" };
  const words = [programOf("service-context"), file, "--start", "--services_root", SERVICES];
  const { stderr } = machine.start([process.execPath, ...words], env);

  async function notes(): Promise<Notes> {
    const lines = (await readFile(written, "utf8")).split("\n").map((line) => line.split(" "));
    const ids = (what: keyof Notes) => lines.flatMap(([word, id = ""]) => (word === what ? [id] : []));
    return { confirmed: ids("confirmed"), handled: ids("handled"), dead: ids("dead"), holds: ids("holds") };
  }

  async function command(name: "conf-command" | "context-bus", ...words: string[]): Promise<string> {
    const running = machine.start([process.execPath, programOf(name), ...words], env);
    const code = await running.exit;
    expect({ code, said: running.stderr.all }).toMatchObject({ code: 0 });
    return running.stdout.all.join("\n");
  }

  return {
    ...{ machine, file, notes, command },
    until: (holds) => expect.poll(async () => holds(await notes()), { timeout: BOUND_MS }).toBe(true),
    says: (phrase, times) =>
      stderr.first(() => stderr.all.filter((line) => line.includes(phrase)).length >= times, {
        what: `${phrase}, ${times} times`,
      }),
    lines: (pattern) => stderr.all.filter((line) => pattern.test(line)),
    ask: async (...words) => JSON.parse(await command("context-bus", ...words, "--json")),
  };
}

/** Emits an order that is held by whoever gets it first, and answers that one. */
async function holderOf(id: string, hosts: readonly Host[]): Promise<Host> {
  await hosts[0]?.command("context-bus", "emit", "orders.created", "--content", JSON.stringify({ id, isHeld: true }));
  const holders = async () => {
    const notes = await Promise.all(hosts.map((host) => host.notes()));
    return hosts.filter((_, index) => notes[index]?.holds.includes(id));
  };
  await expect.poll(holders, { timeout: BOUND_MS }).toHaveLength(1);
  return (await holders())[0] as Host;
}

/** How many orders are not settled yet. */
async function waitingAt(host: Host): Promise<number> {
  const queues = (await host.ask("queues")) as { ready: number; in_flight: number; delayed: number }[];
  return queues.reduce((sum, { ready, in_flight, delayed }) => sum + ready + in_flight + delayed, 0);
}
