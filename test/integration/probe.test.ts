// Probes against real programs, ports and servers.
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import type { Probe, ProbeTarget } from "../../src/config/model.ts";
import { deferred } from "../../src/deferred.ts";
import { type RunningProbe, type StartProbeProgram, startProbe } from "../../src/launch/probe.ts";
import { startProgram } from "../../src/launch/process/child.ts";
import { createProcessOwnership } from "../../src/launch/process/process-ownership.ts";
import { createProcessTable } from "../../src/processes/table.ts";
import { makeFolder } from "../support/folder.ts";
import { isLiving, leaveNoProcess, untilGone } from "../support/processes.ts";
import { awaitEvents, type Recording } from "../support/recording.ts";

leaveNoProcess();

/** So long that an attempt is never cut. */
const NEVER_MS = 3_600_000;
/** Short, for what does not answer at all. */
const SHORT_MS = 500;

const ownership = createProcessOwnership({
  table: createProcessTable(),
  guard: { add() {}, remove() {} },
  outputPipes: { open: () => undefined, openInput: () => undefined, [Symbol.dispose]() {} },
  owner: { context: "probes", provider: "test" },
  tools: {},
});

/** What has happened to a probe and its programs, in words. */
interface Watched extends Disposable {
  probe: RunningProbe;
  events: Recording<string>;
  /** The programs that it has started and that have not ended. */
  running(): number;
  fault(text: string): Promise<string>;
}

/** Starts a probe, with the next attempt right after the one before; stopped at the end of the test. */
function probing(target: ProbeTarget, { folder = process.cwd(), ...pace }: Partial<Probe> & { folder?: string } = {}) {
  const events = awaitEvents<string>("probe", (event) => event);
  let running = 0;
  let runs = 0;

  const run: StartProbeProgram = (program, { onOutput, onSpawnFailed, onExit }) => {
    running += 1;
    events.add(`started, ${running} at a time`);
    runs += 1;
    return startProgram({ ...program, run: `probe-${runs}`, environment: {}, folder }, ownership, {
      onSpawned() {},
      onLeftovers() {},
      onStuck() {},
      onOutput(stream, printed) {
        events.add(`printed ${printed.line}`);
        onOutput(stream, printed);
      },
      onSpawnFailed(failure) {
        running -= 1;
        onSpawnFailed(failure);
      },
      onExit(exit) {
        running -= 1;
        events.add("ended");
        onExit(exit);
      },
    });
  };
  const probe = startProbe({ intervalMs: 1, timeoutMs: NEVER_MS, ...pace, ...target } as Probe, {
    search: { folder, runsIn: folder },
    run,
    onReady: () => events.add("ready"),
    onAttempt: (fault) => events.add(`fault: ${fault}`),
    onFaulty: (fault) => events.add(`faulty: ${fault}`),
  });
  return {
    probe,
    events,
    running: () => running,
    fault: (text) => events.first((event) => event === `fault: ${text}`, { what: text }),
    [Symbol.dispose]: probe.stop,
  } satisfies Watched;
}

const is = (expected: string) => (event: string) => event === expected;
const shell = (script: string): ProbeTarget => ({ kind: "exec", program: "sh", words: ["-c", script] });
const hanging = (name: string) => is(`fault: ${name}: no answer within 0.5 s`);
const web = (url: string): ProbeTarget => ({ kind: "http", url });

/** A server of the test, on a port of the system's choice. */
async function listening(server: Server): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // a probe hangs up when it knows enough
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const answering = (answer: RequestListener) => listening(createHttpServer(answer));

/** A port that is bound, but not listened on. */
async function deafPort(): Promise<{ port: number } & AsyncDisposable> {
  const server = await listening(createServer());
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  return {
    port: socket.localPort as number,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe("a program", () => {
  test("is asked until it ends with code 0, and says by its code why not", async () => {
    await using folder = await makeFolder();
    const text = 'echo x >> asked; test "$(wc -l < asked)" -ge 3 || exit 7';
    using watched = probing(shell(text), { folder: folder.path });
    const fault = `ready_exec "sh -c '${text}'": exit code 7`;

    await watched.events.first(is("ready"));

    expect(watched.events.all.filter((event) => !event.startsWith("started"))).toEqual([
      ...["ended", `fault: ${fault}`, "ended", `fault: ${fault}`, "ended", "ready"],
    ]);
    expect(watched.probe.lastFault).toBe(fault);
  });

  test.each([
    ["on stderr, rather than on stdout", "echo db not up >&2; echo asking; exit 3", "db not up"],
    ["on stdout", "echo db not up; exit 3", "db not up"],
    ["in an error that it names", "echo Error: no route >&2; echo at main.c:3 >&2; exit 3", "Error: no route"],
  ])("is quoted with what it has said last %s", async (_, text, said) => {
    using watched = probing(shell(text));

    await watched.fault(`ready_exec "sh -c '${text}'": exit code 3: ${said}`);
  });

  test("with many words is cut where it is named", async () => {
    using watched = probing({ kind: "exec", program: "false", words: ["x".repeat(200)] });

    await watched.fault(`ready_exec "false ${"x".repeat(94)}…": exit code 1`);
  });

  test("is looked for on the PATH, or from the folder where it has a slash", async () => {
    await using folder = await makeFolder({ "is-ready": "" });
    using onPath = probing({ kind: "exec", program: "test", words: ["-e", "is-ready"] }, { folder: folder.path });
    using missing = probing({ kind: "exec", program: "bin/is-ready", words: [] }, { folder: folder.path });
    using unknown = probing({ kind: "exec", program: "no-such-program", words: [] });

    await onPath.events.first(is("ready"));
    await missing.fault(`ready_exec "bin/is-ready": no program ${folder.at("bin/is-ready")}`);
    await unknown.fault(`ready_exec "no-such-program": no program "no-such-program" on the provider's PATH`);
  });

  test("that is not there is told at the first attempt, once, as a fault of the probe itself", async () => {
    using watched = probing({ kind: "exec", program: "no-such-program", words: [] });
    const fault = `ready_exec "no-such-program": no program "no-such-program" on the provider's PATH`;

    await watched.events.first(is(`fault: ${fault}`), { from: 2 });

    expect(watched.events.all.slice(0, 3)).toEqual([`fault: ${fault}`, `faulty: ${fault}`, `fault: ${fault}`]);
  });

  test("that was ended by a signal names it", async () => {
    using watched = probing(shell("kill -9 $$"));

    await watched.fault(`ready_exec "sh -c 'kill -9 $$'": ended by SIGKILL`);
  });

  test("that can't be started is tried again", async () => {
    const target: ProbeTarget = { kind: "exec", program: "true", words: ["\0"] };
    using watched = probing(target);

    const fault = await watched.events.first((event) => event.startsWith("fault"));
    await watched.events.first((event) => event === fault, { from: watched.events.all.indexOf(fault) + 1 });
  });

  test("that hangs is cut, and what it has started goes with it", async () => {
    const text = "sleep 1000 & echo $!; wait";
    using watched = probing(shell(text), { timeoutMs: SHORT_MS });

    const printed = await watched.events.first((event) => event.startsWith("printed"));
    const from = watched.events.all.indexOf(printed);
    await watched.events.first(hanging(`ready_exec "sh -c '${text}'"`), { from });
    await watched.events.first(is("ended"), { from });

    expect(await isLiving(Number(printed.replace("printed ", "")))).toBe(false);
  });

  test("that hangs and ignores SIGTERM is cut all the same, and never runs twice at a time", async () => {
    const text = 'trap "" TERM; setsid sleep 1000 & wait; sleep 1000';
    using watched = probing(shell(text), { timeoutMs: SHORT_MS });
    const isCut = hanging(`ready_exec "sh -c '${text}'"`);

    for (let attempts = 0, from = 0; attempts < 3; attempts += 1) {
      await watched.events.first(isCut, { from });
      from = watched.events.all.findLastIndex(isCut) + 1;
    }

    expect(new Set(watched.events.all.filter((event) => event.startsWith("started")))).toEqual(
      new Set(["started, 1 at a time"]),
    );
  });

  test("that ends well only because it was cut does not count", async () => {
    const said: string[] = [];
    const saidTwice = deferred();
    const say = (word: string) => {
      if (said.push(word) === 2) saidTwice.resolve();
    };

    const probe = startProbe({ ...shell("true"), intervalMs: 1, timeoutMs: 20 } as Probe, {
      search: { folder: process.cwd() },
      run: (_, { onExit }) => ({ kill: () => onExit({ code: 0, signal: null, wasKilled: false, ended: [] }) }),
      onReady: () => say("ready"),
      onAttempt: say,
    });
    await saidTwice.promise;
    probe.stop();

    expect(said).toEqual(Array(2).fill('ready_exec "sh -c true": no answer within 0.02 s'));
  });

  test("is ended when the probe is stopped", async () => {
    using watched = probing(shell("sleep 1000 & echo $!; wait"));
    const printed = await watched.events.first((event) => event.startsWith("printed"));

    watched.probe.stop();
    await watched.events.first(is("ended"));
    await untilGone(Number(printed.replace("printed ", "")));

    expect(watched.events.all).toEqual(["started, 1 at a time", printed, "ended"]);
    expect(watched.running()).toBe(0);
    expect(watched.probe.lastFault).toBeUndefined();
  });

  test("is not started any more when the probe was stopped before it was found", async () => {
    using watched = probing(shell("true"));

    watched.probe.stop();
    using other = probing(shell("true")); // looked for after it
    await other.events.first(is("ready"));

    expect(watched.events.all).toEqual([]);
  });
});

describe("a port", () => {
  test("is ready when it takes a connection, which is closed at once", async () => {
    const closed = deferred();
    await using server = await listening(createServer((socket) => socket.resume().on("close", () => closed.resolve())));

    using watched = probing({ kind: "tcp", host: "127.0.0.1", port: server.port });

    await watched.events.first(is("ready"));
    await closed.promise;
    expect(watched.events.all).toEqual(["ready"]);
  });

  test("that refuses is asked again, and named", async () => {
    await using deaf = await deafPort();
    using watched = probing({ kind: "tcp", host: "127.0.0.1", port: deaf.port });
    const fault = `ready_tcp 127.0.0.1:${deaf.port}: connection refused`;

    await watched.fault(fault);
    await watched.events.first(is(`fault: ${fault}`), { from: 1 });

    expect(watched.probe.lastFault).toBe(fault);
  });

  test("of a name with any number of addresses says why", async () => {
    await using deaf = await deafPort();
    using watched = probing({ kind: "tcp", host: "localhost", port: deaf.port });

    const fault = await watched.events.first(() => true);

    expect(fault).toBe(`fault: ready_tcp localhost:${deaf.port}: connection refused`);
  });

  test("is left alone once the probe is stopped", async () => {
    await using deaf = await deafPort();
    using watched = probing({ kind: "tcp", host: "127.0.0.1", port: deaf.port });
    await watched.events.first(() => true);

    watched.probe.stop();
    const { length } = watched.events.all;
    using other = probing({ kind: "tcp", host: "127.0.0.1", port: deaf.port });
    await other.events.first(() => true, { from: 5 });

    expect(watched.events.all).toHaveLength(length);
  });
});

describe("a URL", () => {
  test.each([200, 204, 301, 399])("is ready when it answers with status %i", async (status) => {
    await using server = await answering((_, response) => response.writeHead(status, { location: "/other" }).end());

    using watched = probing(web(`http://127.0.0.1:${server.port}/health`));

    expect(await watched.events.first(() => true)).toBe("ready");
  });

  test("is asked until it answers so, and names the status until then", async () => {
    const asked: (string | undefined)[] = [];
    const statuses = [503, 404, 400, 500, 200];
    await using server = await answering((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.connection}`);
      response.writeHead(statuses[asked.length - 1] as number).end();
    });

    const url = `http://127.0.0.1:${server.port}/health?deep=1`;
    using watched = probing(web(url));
    await watched.events.first(is("ready"));

    expect(watched.events.all).toEqual([
      ...[503, 404, 400, 500].map((status) => `fault: ready_http ${url}: status ${status}`),
      "ready",
    ]);
    expect(new Set(asked)).toEqual(new Set(["GET /health?deep=1 close"]));
  });

  test.each([200, 503])("that answers with status %i is not read to the end, which may never come", async (status) => {
    const hungUp = deferred();
    await using server = await answering((_, response) => {
      response.on("close", hungUp.resolve);
      response.writeHead(status).write("x");
    });

    const url = `http://127.0.0.1:${server.port}/`;
    using watched = probing(web(url));

    expect(await watched.events.first(() => true)).toBe(
      status === 200 ? "ready" : `fault: ready_http ${url}: status 503`,
    );
    await hungUp.promise;
  });

  test("that takes the question and does not answer is given up", async () => {
    const hungUp = deferred();
    await using server = await answering((_, response) => response.on("close", hungUp.resolve));

    const url = `http://127.0.0.1:${server.port}/`;
    using watched = probing(web(url), { timeoutMs: 50 });

    await watched.fault(`ready_http ${url}: no answer within 0.05 s`);
    await hungUp.promise;
    expect(watched.probe.lastFault).toBe(`ready_http ${url}: no answer within 0.05 s`);
  });

  test("is named without its password", async () => {
    await using server = await answering((_, response) => response.writeHead(401).end());

    using watched = probing(web(`http://me:secret@127.0.0.1:${server.port}/`));

    await watched.fault(`ready_http http://127.0.0.1:${server.port}/: status 401`);
  });

  test("that does not speak HTTP, or not through TLS, says so", async () => {
    await using server = await listening(createServer((socket) => socket.end("SSH-2.0-OpenSSH\r\n")));
    await using deaf = await deafPort();
    using plain = probing(web(`http://127.0.0.1:${server.port}/`));
    using secure = probing(web(`HTTPS://127.0.0.1:${server.port}/`));
    using refused = probing(web(`https://127.0.0.1:${deaf.port}/`));

    expect(await plain.events.first(() => true)).toContain(": Parse Error");
    expect(await secure.events.first(() => true)).toMatch(/^fault: .*(SSL|socket)/);
    await refused.fault(`ready_http https://127.0.0.1:${deaf.port}/: connection refused`);
  });

  test("is hung up on once the probe is stopped", async () => {
    const [asked, hungUp] = [deferred(), deferred()];
    await using server = await answering((_, response) => {
      response.on("close", hungUp.resolve);
      asked.resolve();
    });
    using watched = probing(web(`http://127.0.0.1:${server.port}/`));
    await asked.promise;

    watched.probe.stop();
    await hungUp.promise;

    expect(watched.events.all).toEqual([]);
    expect(watched.probe.lastFault).toBeUndefined();
  });
});

describe("a log", () => {
  const log: ProbeTarget = { kind: "log", pattern: "ready on \\d+$" };

  test("makes ready with the first line that matches, once", () => {
    using watched = probing(log);

    watched.probe.line("getting ready on 80 ports");
    expect(watched.events.all).toEqual([]);
    expect(watched.probe.lastFault).toBe("ready_log /ready on \\d+$/: no line has matched");

    watched.probe.line("ready on 80");
    watched.probe.line("ready on 81");
    expect(watched.events.all).toEqual(["ready"]);
  });

  test("is not read any more once the probe is stopped", () => {
    using watched = probing(log);

    watched.probe.stop();
    watched.probe.line("ready on 80");

    expect(watched.events.all).toEqual([]);
  });

  test("says nothing about what is asked in another way", async () => {
    await using deaf = await deafPort();
    using watched = probing({ kind: "tcp", host: "127.0.0.1", port: deaf.port });

    watched.probe.line("ready on 80");

    expect(watched.events.all).toEqual([]);
  });
});

test("a probe may be stopped by the callback of a failed attempt", async () => {
  await using deaf = await deafPort();
  const faults: string[] = [];
  const heard = deferred();
  const target: Probe = { kind: "tcp", host: "127.0.0.1", port: deaf.port, intervalMs: 1, timeoutMs: NEVER_MS };

  const probe = startProbe(target, {
    search: { folder: process.cwd() },
    run: () => ({ kill() {} }),
    onReady: () => faults.push("ready"),
    onAttempt(fault) {
      faults.push(fault);
      probe.stop();
      heard.resolve();
    },
  });
  await heard.promise;
  using other = probing({ kind: "tcp", host: "127.0.0.1", port: deaf.port });
  await other.events.first(() => true, { from: 5 });

  expect(faults).toHaveLength(1);
});
