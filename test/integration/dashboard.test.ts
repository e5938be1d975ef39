import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import type { Figures, History, OutputLine, State, Transition, Triggered } from "../../src/http/contract/api.ts";
import { startHttpServer } from "../../src/http/server.ts";
import type { TaskXml } from "../support/context.ts";
import { runDashboard, TOKEN, waits } from "../support/dashboard.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { parseMetrics } from "../support/prometheus.ts";

leaveNoProcess();

const ends: TaskXml = { ...waits, id: "ends", instance: "Ends", command: "sh -c 'exit 0'" };

describe("the dashboard of a running context", () => {
  test("shows its tasks, their steps and what they have printed", async () => {
    await using dashboard = await runDashboard([waits]);
    const output = await dashboard.listen("/api/output?transaction=T1&task=waits");
    await dashboard.context.start("T1");
    await output.first(({ name, value }) => name === "line" && (value as OutputLine).line === "here");

    const state = (await dashboard.ask("/api/state")).json() as State;
    const transitions = (await dashboard.ask("/api/transitions")).json() as Transition[];
    const lines = (await dashboard.ask("/api/logs?transaction=T1&task=waits")).json() as OutputLine[];

    expect(state).toMatchObject({
      context: "context001",
      takesCommands: true,
      definitions: [{ id: "waits", instance: "Waits", triggers: [] }],
      transactions: [{ id: "T1", tasks: [{ id: "waits", state: "running", runs: 1, pid: expect.any(Number) }] }],
    });
    expect(transitions.map(({ task, to }) => `${task} ${to}`)).toEqual(["waits starting", "waits running"]);
    expect(lines).toMatchObject([{ stream: "stdout", line: "here" }]);
  });

  test("tells what happens as it happens: steps, triggers, figures, and the end of the transaction", async () => {
    await using dashboard = await runDashboard([
      { ...ends, triggers: { on_exit: "start waits" } },
      { ...waits, entry: "on_demand" },
    ]);
    const heard = await dashboard.listen("/api/events");
    await heard.first(({ name }) => name === "snapshot");

    await dashboard.context.start("T1");

    const { value: triggered } = await heard.first(({ name }) => name === "triggered");
    expect(triggered as Triggered).toEqual({
      transaction: "T1",
      task: "ends",
      event: "on_exit",
      action: "start",
      call: ["waits"],
    });
    await heard.first(({ name, value }) => name === "transition" && (value as Transition).task === "waits");
    const { value: figures } = await heard.first(
      ({ name, value }) => name === "figures" && "waits" in (value as Figures).tasks,
    );
    expect((figures as Figures).tasks.waits).toEqual([expect.any(Number), expect.any(Number)]);
    const { value: cost } = await heard.first(({ name }) => name === "cost");
    expect(cost).toEqual({
      cpuPercent: expect.any(Number),
      residentBytes: expect.any(Number),
      samplingPercent: expect.any(Number),
    });
    const history = (await dashboard.ask("/api/history?transaction=T1")).json() as History;
    expect(history.timesMs.length).toBeGreaterThan(0);
    expect(history.tasks.waits?.residentBytes).toHaveLength(history.timesMs.length);
    const before = heard.all.length;
    await dashboard.context.stop("T1");
    await heard.first(({ name, value }) => name === "state" && (value as unknown[]).length === 0, { from: before });
  });

  test("is well while its tasks are, and names those that are not", async () => {
    await using dashboard = await runDashboard([
      waits,
      { ...waits, id: "fails", command: "sh -c 'exit 3'", entry: "on_demand" },
    ]);
    await dashboard.context.start("T1");

    const well = await dashboard.ask("/_health");
    expect([well.status, well.text]).toEqual([200, "null"]);

    await dashboard.command({ action: "start", transaction: "T1", tasks: ["fails"] });
    await dashboard.context.untilState("T1", "fails", "failed");
    const ill = await dashboard.ask("/_health");
    expect(ill.status).toBe(503);
    expect(ill.json()).toEqual({ reasons: [expect.stringMatching(/^fails of T1 is failed: .*code 3/)] });
  });

  test("is not well once all has failed, and tells the last of it until something new starts", async () => {
    await using dashboard = await runDashboard([
      { ...waits, command: "sh -c 'echo the last words; exit 3'" },
      { ...waits, id: "later" },
    ]);
    const { context } = dashboard;
    await dashboard.command({ action: "start", transaction: "T1", tasks: ["waits"] });
    await context.untilSaid("context001", "ended");

    const ill = await dashboard.ask("/_health");
    expect(ill.status).toBe(503);
    expect(ill.json()).toEqual({ reasons: [expect.stringMatching(/^waits of T1 is failed: .*code 3/)] });
    const state = (await dashboard.ask("/api/state")).json() as State;
    expect(state.transactions).toEqual([]);
    expect(state.ended).toMatchObject([{ id: "T1", tasks: [{ id: "waits", state: "failed", lastEnd: { code: 3 } }] }]);
    const { text } = await dashboard.ask("/metrics");
    expect(text).toContain('zcontext_task_state{transaction="T1",task="waits",state="failed"} 1');
    expect(text).toContain('zcontext_task_exit_code{transaction="T1",task="waits"} 3');
    expect(text).toContain("zcontext_healthy 0");
    expect((await dashboard.ask("/api/logs?transaction=T1&task=waits")).json()).toMatchObject([
      { line: "the last words" },
    ]);
    expect(await context.client.transactions()).toEqual({ running: [], ended: ["T1"] });
    expect(await context.client.state("T1")).toMatchObject([{ service_id: "waits", lifecycle: "failed" }]);

    await dashboard.command({ action: "start", transaction: "T2", tasks: ["later"] });
    expect((await dashboard.ask("/_health")).status).toBe(200);
    expect(await context.client.transactions()).toEqual({ running: ["T2"], ended: [] });
  });

  test("is well after an end that was asked for, whatever had failed before", async () => {
    await using dashboard = await runDashboard([waits, { ...waits, id: "fails", command: "sh -c 'exit 3'" }]);
    const { context } = dashboard;
    await context.start("T1");
    await context.untilState("T1", "fails", "failed");
    const before = (await dashboard.ask("/_health")).status;

    await context.stop("T1");

    expect(before).toBe(503);
    expect((await dashboard.ask("/_health")).status).toBe(200);
    expect((await dashboard.ask("/api/state")).json()).toMatchObject({ transactions: [], ended: [{ id: "T1" }] });
  });

  test("tells Prometheus what it can read", async () => {
    await using dashboard = await runDashboard([waits]);
    const heard = await dashboard.listen("/api/events");
    await dashboard.context.start("T1");
    await heard.first(({ name, value }) => name === "figures" && "waits" in (value as Figures).tasks);

    const { headers, text } = await dashboard.ask("/metrics");

    const samples = parseMetrics(text).flatMap((family) => family.samples);
    expect(headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(samples).toContainEqual({
      name: "zcontext_task_state",
      labels: { transaction: "T1", task: "waits", state: "running" },
      value: 1,
    });
    expect(samples.map(({ name }) => name)).toContain("zcontext_task_resident_memory_bytes");
    expect(samples).toContainEqual({ name: "zcontext_http_listeners", labels: {}, value: 1 });
  });
});

describe("a command to the dashboard", () => {
  test("goes the way of every command, and is answered", async () => {
    await using dashboard = await runDashboard([waits]);

    const begun = await dashboard.command({ action: "start" });
    const { transaction } = begun.json() as { transaction: string };
    await dashboard.context.untilState(transaction, "waits", "running");
    expect(begun.json()).toEqual({ result: "success", transaction, orders: { waits: "start" } });

    const restarted = await dashboard.command({ action: "restart", transaction, tasks: ["waits"] });
    expect(restarted.json()).toMatchObject({ result: "success", orders: { waits: "restart" } });

    const stopped = await dashboard.command({ action: "stop", transaction });
    expect(stopped.json()).toMatchObject({ result: "success", orders: { waits: "stop" } });
  });

  test("is refused as the provider refuses it", async () => {
    await using dashboard = await runDashboard([waits]);
    await dashboard.context.start("T1");

    const nobody = await dashboard.command({ action: "stop", transaction: "T1", tasks: ["nobody"] });
    const nothing = await dashboard.command({ action: "stop", transaction: "T2" });
    const again = await dashboard.command({ action: "start", transaction: "T1" });

    expect([nobody.status, nothing.status, again.status]).toEqual([404, 404, 409]);
    expect(nobody.json()).toMatchObject({ result: "failure", code: "ERR_TASK_UNKNOWN" });
    expect(nothing.json()).toMatchObject({ code: "ERR_TRANSACTION_UNKNOWN" });
    expect(again.json()).toMatchObject({ code: "ERR_TASK_ALIVE" });
  });

  test("changes nothing without the token, from a foreign page, or as a form", async () => {
    await using dashboard = await runDashboard([waits]);
    await dashboard.context.start("T1");
    const body = '{"action":"stop","transaction":"T1"}';
    const good = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const post = (headers: { [name: string]: string }) =>
      dashboard.ask("/api/commands", { method: "POST", headers, body }).then(({ status }) => status);

    expect(await post({ "content-type": "application/json" })).toBe(401);
    expect(await post({ ...good, authorization: "Bearer wrong" })).toBe(401);
    expect(await post({ ...good, "content-type": "text/plain" })).toBe(415);
    expect(await post({ ...good, origin: "http://evil.example" })).toBe(403);
    expect(await post({ ...good, host: "evil.example" })).toBe(421);
    const { transactions } = (await dashboard.ask("/api/state")).json() as State;
    expect(transactions[0]?.tasks[0]?.state).toBe("running");
  });

  test("is not taken at all where there is no token", async () => {
    await using dashboard = await runDashboard([waits], { token: "" });

    const { status, text } = await dashboard.command({ action: "start" }, TOKEN);

    expect(status).toBe(403);
    expect(text).toContain("read-only");
  });

  test("is refused when it is none, or too long", async () => {
    await using dashboard = await runDashboard([waits]);

    expect((await dashboard.command({ action: "exit" } as never)).status).toBe(400);
    expect((await dashboard.command({ action: "start", transaction: "x".repeat(100_000) })).status).toBe(400);
  });
});

describe("the server", () => {
  test("serves a page that loads nothing, that can't be framed", async () => {
    await using dashboard = await runDashboard([waits]);

    const { headers, text } = await dashboard.ask("/");

    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'sha256-/);
    expect(headers["content-security-policy"]).not.toContain("unsafe");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(text).not.toMatch(/<(script|link|img)[^>]*(src|href)="(?!data:)/);
    expect(text).not.toMatch(/ on[a-z]+="/);
    expect(await dashboard.ask("/", { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
  });

  test("lets no other wait for a listener that does not read", async () => {
    const lines = 150_000;
    const chatty = {
      ...waits,
      command: `sh -c 'seq -f "line %.0f of a task that has much to say" ${lines}; exec sleep 600'`,
    };
    await using dashboard = await runDashboard([chatty]);
    const slow = connect(dashboard.port, "127.0.0.1");
    await once(slow, "connect");
    slow.pause();
    slow.write("GET /api/output?transaction=T1&task=waits HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    const quick = await dashboard.listen("/api/output?transaction=T1&task=waits");
    const isLast = ({ line }: OutputLine) => line.startsWith(`line ${lines} `);

    await dashboard.context.start("T1");
    await quick.first(({ name, value }) =>
      name === "snapshot" ? (value as OutputLine[]).some(isLast) : isLast(value as OutputLine),
    );

    const samples = parseMetrics((await dashboard.ask("/metrics")).text).flatMap((family) => family.samples);
    expect(samples.find(({ name }) => name === "zcontext_http_backlog_drops_total")?.value).toBeGreaterThanOrEqual(1);
    // When it reads again, it gets another snapshot instead of what was dropped.
    let text = "";
    slow.on("data", (chunk) => {
      text += chunk;
      if (text.includes(`line ${lines} `, text.length - chunk.length - 100)) slow.destroy();
    });
    slow.resume();
    await once(slow, "close");
    expect(text.match(/^event: snapshot$/gm)?.length).toBeGreaterThan(1);
  });

  test("says that there is nothing to show yet, and that its port is taken", async () => {
    await using server = await startHttpServer({ address: { host: "127.0.0.1", port: 0 } });

    const response = await fetch(`http://127.0.0.1:${server.address.port}/_health`);

    expect(response.status).toBe(503);
    await expect(startHttpServer({ address: server.address })).rejects.toMatchObject({ code: "ERR_ENDPOINT_IN_USE" });
    await expect(startHttpServer({ address: { host: "192.0.2.1", port: 0 } })).rejects.toMatchObject({
      code: "ERR_USAGE",
    });
  });
});
