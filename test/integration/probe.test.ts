// Probes against real programs, ports and servers.
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import type { Probe, ProbeTarget } from "../../src/config/model.ts";
import { deferred } from "../../src/deferred.ts";
import { startProgram } from "../../src/launch/child.ts";
import { createCustody } from "../../src/launch/custody.ts";
import { type RunningProbe, type StartProbeProgram, startProbe } from "../../src/launch/probe.ts";
import { createProcessTable } from "../../src/processes/table.ts";
import { makeFolder } from "../support/folder.ts";
import { isLiving, leaveNoProcess, untilGone } from "../support/processes.ts";
import { awaitEvents, type Recording } from "../support/recording.ts";

leaveNoProcess();

/** So long that an attempt is never cut. */
const NEVER_MS = 3_600_000;
/** Short, for what does not answer at all. */
const SHORT_MS = 500;

const custody = createCustody({
  table: createProcessTable(),
  guard: { watch() {}, forget() {} },
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

  const run: StartProbeProgram = (program, { onSpawnFailed, onExit }) => {
    running += 1;
    events.add(`started, ${running} at a time`);
    runs += 1;
    return startProgram({ ...program, run: `probe-${runs}`, environment: {}, folder }, custody, {
      onSpawned() {},
      onLingers() {},
      onStuck() {},
      onOutput: (_, line) => events.add(`printed ${line}`),
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
    folder,
    run,
    onReady: () => events.add("ready"),
    onAttempt: (fault) => events.add(`fault: ${fault}`),
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

/** A port that is taken by somebody who does not listen. */
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
    using watched = probing(shell('echo x >> asked; test "$(wc -l < asked)" -ge 3 || exit 7'), { folder: folder.path });

    await watched.events.first(is("ready"));

    expect(watched.events.all.filter((event) => !event.startsWith("started"))).toEqual([
      ...["ended", "fault: exit code 7", "ended", "fault: exit code 7", "ended", "ready"],
    ]);
    expect(watched.probe.lastFault).toBe("exit code 7");
  });

  test("is looked for on the PATH, or from the folder where it has a slash", async () => {
    await using folder = await makeFolder({ "is-ready": "" });
    using onPath = probing({ kind: "exec", program: "test", words: ["-e", "is-ready"] }, { folder: folder.path });
    using missing = probing({ kind: "exec", program: "bin/is-ready", words: [] }, { folder: folder.path });
    using unknown = probing({ kind: "exec", program: "no-such-program", words: [] });

    await onPath.events.first(is("ready"));
    await missing.fault(`probe: no program ${folder.at("bin/is-ready")}`);
    await unknown.fault('probe: no program "no-such-program" on the PATH');
  });

  test("that was ended by a signal names it", async () => {
    using watched = probing(shell("kill -9 $$"));

    await watched.fault("ended by SIGKILL");
  });

  test("that can't be started is tried again", async () => {
    const target: ProbeTarget = { kind: "exec", program: "true", words: ["\0"] };
    using watched = probing(target);

    const fault = await watched.events.first((event) => event.startsWith("fault"));
    await watched.events.first((event) => event === fault, { from: watched.events.all.indexOf(fault) + 1 });
  });

  test("that hangs is cut, and what it has started goes with it", async () => {
    using watched = probing(shell("sleep 1000 & echo $!; wait"), { timeoutMs: SHORT_MS });

    const printed = await watched.events.first((event) => event.startsWith("printed"));
    const from = watched.events.all.indexOf(printed);
    await watched.events.first(is("fault: no answer within 0.5 s"), { from });
    await watched.events.first(is("ended"), { from });

    expect(await isLiving(Number(printed.replace("printed ", "")))).toBe(false);
  });

  test("that hangs and ignores SIGTERM is cut all the same, and never runs twice at a time", async () => {
    using watched = probing(shell("trap '' TERM; setsid sleep 1000 & wait; sleep 1000"), { timeoutMs: SHORT_MS });

    for (let attempts = 0, from = 0; attempts < 3; attempts += 1) {
      await watched.events.first(is("fault: no answer within 0.5 s"), { from });
      from = watched.events.all.lastIndexOf("fault: no answer within 0.5 s") + 1;
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
      folder: process.cwd(),
      run: (_, { onExit }) => ({ kill: () => onExit({ code: 0, signal: null, wasKilled: false, ended: [] }) }),
      onReady: () => say("ready"),
      onAttempt: say,
    });
    await saidTwice.promise;
    probe.stop();

    expect(said).toEqual(["no answer within 0.02 s", "no answer within 0.02 s"]);
  });

  test("is ended when nobody wants to know any more", async () => {
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
    const fault = `connect ECONNREFUSED 127.0.0.1:${deaf.port}`;

    await watched.fault(fault);
    await watched.events.first(is(`fault: ${fault}`), { from: 1 });

    expect(watched.probe.lastFault).toBe(fault);
  });

  test("of a name with any number of addresses says why", async () => {
    await using deaf = await deafPort();
    using watched = probing({ kind: "tcp", host: "localhost", port: deaf.port });

    const fault = await watched.events.first(() => true);

    expect(fault).toMatch(/^fault: connect E/);
  });

  test("is left alone once nobody wants to know any more", async () => {
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

    using watched = probing(web(`http://127.0.0.1:${server.port}/health?deep=1`));
    await watched.events.first(is("ready"));

    expect(watched.events.all).toEqual([
      ...["fault: status 503", "fault: status 404", "fault: status 400", "fault: status 500", "ready"],
    ]);
    expect(new Set(asked)).toEqual(new Set(["GET /health?deep=1 close"]));
  });

  test.each([200, 503])("that answers with status %i is not read to the end, which may never come", async (status) => {
    const hungUp = deferred();
    await using server = await answering((_, response) => {
      response.on("close", hungUp.resolve);
      response.writeHead(status).write("x");
    });

    using watched = probing(web(`http://127.0.0.1:${server.port}/`));

    expect(await watched.events.first(() => true)).toBe(status === 200 ? "ready" : "fault: status 503");
    await hungUp.promise;
  });

  test("that takes the question and does not answer is given up", async () => {
    const hungUp = deferred();
    await using server = await answering((_, response) => response.on("close", hungUp.resolve));

    using watched = probing(web(`http://127.0.0.1:${server.port}/`), { timeoutMs: 50 });

    await watched.fault("no answer within 0.05 s");
    await hungUp.promise;
    expect(watched.probe.lastFault).toBe("no answer within 0.05 s");
  });

  test("that does not speak HTTP, or not through TLS, says so", async () => {
    await using server = await listening(createServer((socket) => socket.end("SSH-2.0-OpenSSH\r\n")));
    await using deaf = await deafPort();
    using plain = probing(web(`http://127.0.0.1:${server.port}/`));
    using secure = probing(web(`HTTPS://127.0.0.1:${server.port}/`));
    using refused = probing(web(`https://127.0.0.1:${deaf.port}/`));

    expect(await plain.events.first(() => true)).toContain("fault: Parse Error");
    expect(await secure.events.first(() => true)).toMatch(/^fault: .*(SSL|socket)/);
    await refused.fault(`connect ECONNREFUSED 127.0.0.1:${deaf.port}`);
  });

  test("is hung up on once nobody wants to know any more", async () => {
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
    expect(watched.probe.lastFault).toBe("no line has matched /ready on \\d+$/");

    watched.probe.line("ready on 80");
    watched.probe.line("ready on 81");
    expect(watched.events.all).toEqual(["ready"]);
  });

  test("is not read any more once nobody wants to know", () => {
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

test("a probe may be stopped by whoever hears of an attempt in vain", async () => {
  await using deaf = await deafPort();
  const faults: string[] = [];
  const heard = deferred();
  const target: Probe = { kind: "tcp", host: "127.0.0.1", port: deaf.port, intervalMs: 1, timeoutMs: NEVER_MS };

  const probe = startProbe(target, {
    folder: process.cwd(),
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
