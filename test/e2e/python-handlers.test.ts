// Services in Python with handlers, in a context: what they send each other, and how they end.
import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { EventBus } from "../../src/messaging/index.ts";
import { BOUND_MS } from "../support/bound.ts";
import { finish, run, startCommand } from "../support/command.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

const FILE = "conf/Context-Talk.xml";

/** Adds a service whose task is this code. */
async function writeService(folder: Folder, name: string, id: string, code: string): Promise<void> {
  const about = ["--task_service", name, "--task_id", id, "--service_name", name.toLowerCase(), "--language", "python"];
  const where = ["--service_path", ".", "--context_name", "Talk", "--server_ip", "127.0.0.1", "--device_action", "act"];
  const rest = ["--sub_port", "*", "--pub_port", "*", "--task_desc", "x"];
  const { code: exit, stderr } = await run("create-service", [...about, ...where, ...rest], { cwd: folder.path });
  expect({ exit, stderr }).toMatchObject({ exit: 0 });
  await folder.write(`services/${name}/${name}.py`, code);
}

async function supervise(folder: Folder, name: string, attributes: string): Promise<void> {
  const text = await readFile(folder.at(FILE), "utf8");
  const command = `Service${name}.py</command>`;
  await writeFile(folder.at(FILE), text.replace(command, `${command}<Supervision ${attributes}/>`));
}

const BILLING = `
from zcontext import ServiceError, action, event, method

class Billing:
    def start(self, scope):
        print("starts")

    def stop(self, scope):
        print("ends")

    @event("orders.created")
    def created(self, event, scope):
        scope.bus.emit("bills.made", event.content, event.context)

    @method("get_invoice")
    def get_invoice(self, params, scope):
        if params == 0:
            raise ServiceError("NO_SUCH", "none", details=[1])
        return {"id": params, "for": scope.source, "mail": scope.ask("mailer", "SendEmail", params)}

    @action
    def Ping(self, message, scope):
        scope.log(f"ping {message} from {scope.source}")
`;

const MAILER = `
from zcontext import action, event

class Mailer:
    @event("bills.made", prefetch=1)
    def made(self, event, scope):
        scope.log(f"made {event.content} {event.context} {event.meta['session_id']}")

    @action
    def SendEmail(self, message, scope):
        return f"mail {message} from {scope.source}"

    @action
    def Ping(self, message, scope):
        scope.log(f"ping {message} from {scope.source}")
`;

const SHOP = `
from zcontext import CallError

class Shop:
    kind = "single"

    def run(self, scope):
        scope.bus.emit("orders.created", 7, {"tenant": "t1"}, require_route=True, session_id="s1")
        print(scope.bus.call("billing.get_invoice", 7))
        try:
            scope.bus.call("billing.get_invoice", 0)
        except CallError as error:
            print(error.code, error, error.details)
        print(scope.ask("mailer", "SendEmail", "a"), "/", scope.ask("ts003", "SendEmail", "b"))
        print("taken by", scope.submit_action("*", "Ping", 1), scope.submit_action("billing", "Ping", 2))
        print("taken by", scope.submit_action("nobody", "Ping"), scope.submit_action("mailer", "Nothing"))
`;

test("they hear, answer and act for each other", async () => {
  await using folder = await makeFolder();
  await writeService(folder, "Billing", "ts002", BILLING);
  await writeService(folder, "Mailer", "ts003", MAILER);
  await writeService(folder, "Shop", "ts001", SHOP);
  await supervise(folder, "Shop", 'depends_on="ts002 ts003"');

  await using provider = startCommand("service-context", [FILE, "--start"], { cwd: folder.path });
  await provider.stderr.first((line) => / ts001 +exited /.test(line));
  await provider.stderr.first((line) => / ts003 +\| made /.test(line));
  await provider.stderr.first((line) => / ts002 +\| ping 2 /.test(line));
  provider.signal("SIGINT");
  const { code, stderr } = await finish(provider);

  const said = (id: string) =>
    stderr.flatMap((line) => new RegExp(`^\\S+ \\S+ +${id} +[|!] (.*)`).exec(line)?.[1] ?? []);
  expect(code).toBe(0);
  // Two pipes, whose lines have no order between them.
  expect(said("ts001").toSorted()).toEqual([
    "NO_SUCH none [1]",
    "The service mailer has no action Nothing",
    "There is no service called nobody",
    "mail a from shop / mail b from shop",
    "taken by 0 0",
    "taken by 2 1",
    "{'id': 7, 'for': 'shop', 'mail': 'mail 7 from billing'}",
  ]);
  expect(said("ts002").toSorted()).toEqual(["ends", "ping 1 from shop", "ping 2 from shop", "starts"]);
  expect(said("ts003").toSorted()).toEqual(["made 7 {'tenant': 't1'} s1", "ping 1 from shop"]);
});

const BUSY = `
import threading
from zcontext import event

class Busy:
    @event("orders.created", prefetch=100)
    def created(self, event, scope):
        scope.log(f"takes {event.content}")
        if event.content == "stubborn":
            threading.Event().wait()
        while not scope.is_stopping:
            threading.Event().wait(0.01)
`;

test("one that is told to stop settles what it handles, gives back the rest, and ends with code 0", async () => {
  await using folder = await makeFolder();
  await writeService(folder, "Busy", "ts001", BUSY);
  await supervise(folder, "Busy", 'grace_s="8"');

  await using provider = startCommand("service-context", [FILE, "--start", "T1"], { cwd: folder.path });
  await provider.stderr.first((line) => / ts001 +running /.test(line));
  const bus = await EventBus.connect({ contextFile: folder.at(FILE), timeoutMs: BOUND_MS, another: true });
  const contents = [...Array.from({ length: 99 }, (_, i) => i), "stubborn"];
  const receipts = await Promise.all(contents.map((content) => bus.emit("orders.created", { content })));
  for (const content of contents) await provider.stderr.first((line) => line.endsWith(` ts001     | takes ${content}`));
  const stop = await run("conf-command", ["--action", "stop", "--context_file", FILE, "--transaction", "T1"], {
    cwd: folder.path,
  });
  const queues = await bus.operations.queues();
  await bus.close();
  provider.signal("SIGINT");
  const { stderr } = await finish(provider);

  expect(receipts.every(({ routed }) => routed)).toBe(true);
  expect(stop.code).toBe(0);
  expect(queues).toMatchObject([{ group: "busy", ready: 1, in_flight: 0, delayed: 0, dead: 0, members: 0 }]);
  expect(stderr.filter((line) => / ts001 +stopped .*the process ended with code 0/.test(line))).toHaveLength(1);
});
