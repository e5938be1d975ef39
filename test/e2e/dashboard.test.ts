// The dashboard as people see it: the built command, and a real browser.
import { existsSync, readFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EventBus } from "../../src/messaging/index.ts";
import { BOUND_MS } from "../support/bound.ts";
import { copyExamples, type RunningCommand, run, startCommand } from "../support/command.ts";
import { contextXml, SERVICES, type TaskXml } from "../support/context.ts";
import { TOKEN, waits } from "../support/dashboard.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

/** Where the services of the tests are. */
const SERVED = ["--services-root", SERVICES];

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
const why = hasChromium ? "" : ` (skipped: there is no ${CHROMIUM}; \`apt-get install chromium\` brings it)`;

/** How a page is looked at; its width is in pixels. */
interface Look {
  width?: number;
  colorScheme?: "light" | "dark";
}

/** Where the dashboard of a provider is. */
async function addressOf({ stderr }: RunningCommand): Promise<string> {
  const line = await stderr.first((text) => text.includes("dashboard ready"));
  return /url=(\S+)/.exec(line)?.[1] as string;
}

describe("service-context --http", () => {
  test("is refused for other machines without a token, before anything is started", async () => {
    await using folder = await makeFolder({ "Context-Test.xml": contextXml([waits]) });

    const { code, stderr } = await run("service-context", [folder.at("Context-Test.xml"), "--http", "0.0.0.0:0"]);

    expect(code).toBe(2);
    expect(stderr[0]).toContain("ERR_ENDPOINT_PUBLIC");
    expect(stderr.join("\n")).toContain("--http-token @FILE");
  });

  test("refuses a token that others can read, or guess", async () => {
    await using folder = await makeFolder({ "Context-Test.xml": contextXml([waits]), open: TOKEN, short: "1234" });
    await chmod(folder.at("open"), 0o644);
    await chmod(folder.at("short"), 0o600);
    const refusal = async (...words: string[]) => {
      const { code, stderr } = await run("service-context", [folder.at("Context-Test.xml"), ...words]);
      return [code, stderr[0]];
    };

    expect(await refusal("--http", "0", "--http-token", `@${folder.at("open")}`)).toEqual([
      2,
      expect.stringContaining("other users may read or write"),
    ]);
    expect(await refusal("--http", "0", "--http-token", `@${folder.at("short")}`)).toEqual([
      2,
      expect.stringContaining("16 or more ASCII characters"),
    ]);
    expect(await refusal("--http", "0", "--http-token", `@${folder.at("none")}`)).toEqual([
      2,
      expect.stringContaining("can't read"),
    ]);
    expect(await refusal("--http-token", `@${folder.at("open")}`)).toEqual([2, expect.stringContaining("--http")]);
  });

  test("takes a token from the environment, and hands it on to no task", async () => {
    const says = { ...waits, command: "sh -c 'env; echo that is all; exec sleep 600'" };
    await using folder = await makeFolder({ "Context-Test.xml": contextXml([says]) });
    await using provider = startCommand(
      "service-context",
      [folder.at("Context-Test.xml"), "--start", "T1", "--http", "0"],
      { env: { ZCONTEXT_HTTP_TOKEN: TOKEN } },
    );

    const state = await (await fetch(`${await addressOf(provider)}api/state`)).json();
    await provider.stderr.first((line) => line.endsWith("that is all"));

    expect(state).toMatchObject({ takesCommands: true });
    expect(provider.stderr.all.filter((line) => line.includes(TOKEN))).toEqual([]);
  });
});

describe.skipIf(!hasChromium)(`in a browser, the dashboard${why}`, () => {
  let browser: Browser;
  // One for all pages: another one costs more than a page, and a tab keeps nothing beyond its session.
  let tabs: BrowserContext;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"], timeout: BOUND_MS });
    tabs = await browser.newContext();
    tabs.setDefaultTimeout(BOUND_MS);
  });
  afterAll(() => browser.close());

  /** Opens a page; whatever it complains of in its console is kept. */
  async function open(url: string, { width = 1_280, colorScheme = "light" }: Look = {}) {
    const page = await tabs.newPage();
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme });
    const inputFaults: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) inputFaults.push(message.text());
    });
    page.on("pageerror", ({ message }) => inputFaults.push(message));
    await page.goto(url);
    await page.locator("#connection", { hasText: "live" }).waitFor();
    return { page, inputFaults, [Symbol.asyncDispose]: () => page.close() };
  }

  const box = (page: Page, id: string) => page.locator(`[data-task="${id}"]`);
  const inState = (page: Page, id: string, word: string) =>
    page.locator(`[data-task="${id}"][aria-label*=", ${word}"]`).waitFor();

  async function startContext(tasks: readonly TaskXml[], ...words: string[]) {
    const folder = await makeFolder({ "Context-Test.xml": contextXml(tasks) });
    const provider = startCommand(
      "service-context",
      [folder.at("Context-Test.xml"), "--start", "T1", "--http", "0", ...words],
      { env: { ZCONTEXT_HTTP_TOKEN: TOKEN } },
    );
    return {
      provider,
      file: folder.at("Context-Test.xml"),
      url: await addressOf(provider),
      async [Symbol.asyncDispose]() {
        await provider[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  }

  test("draws the example, and lights the arrows of the triggers that fire", async () => {
    await using examples = await copyExamples();
    await using provider = startCommand("service-context", [
      examples.at("conf", "Context-StateMachine.xml"),
      ...["--state-dir", examples.at("state"), "--http", "0"],
    ]);
    const url = await addressOf(provider);
    await using opened = await open(url);
    const { page, inputFaults } = opened;
    await page.locator("#read-only").waitFor();
    expect(await page.locator(".task").count()).toBe(4);
    expect(await page.locator(".arrow[data-from]").count()).toBe(6);

    // An arrow is lit for a moment, so what has ever been lit is kept.
    await page.evaluate(`{
      globalThis.lit = [];
      const keep = ({ target }) => target.classList.contains("lit") && lit.push([target.dataset.from, target.dataset.to].join());
      new MutationObserver((changes) => changes.forEach(keep)).observe(document, { subtree: true, attributeFilter: ["class"] });
    }`);
    await run("conf-command", [
      ...["--action", "start", "--transaction", "T1", "--no-wait"],
      ...["--context_file", examples.at("conf", "Context-StateMachine.xml")],
    ]);
    await expect.poll(() => page.evaluate("lit"), { timeout: BOUND_MS }).toContain("ts001,ts002");
    await inState(page, "ts003", "stopped");

    await page.locator("#transition, #transitions li").first().waitFor();
    await page.locator("#transaction option", { hasText: "T1 (over)" }).waitFor({ state: "attached" });
    expect(inputFaults).toEqual([]);
  });

  test("shows the figures and the lines of a task, and lets go of it", async () => {
    await using context = await startContext([waits]);
    await using opened = await open(context.url);
    const { page, inputFaults } = opened;

    await box(page, "waits").click();

    await page.locator("#lines li", { hasText: "here" }).waitFor();
    await page.locator("#memory-legend .value", { hasText: "MiB" }).waitFor();
    await page.locator("#memory-chart canvas").waitFor();
    expect(await page.locator("#facts").innerText()).toContain("running");
    await page.locator("#close-details").click();
    await page.locator("#details.none").waitFor();
    expect(inputFaults).toEqual([]);
  });

  test("finds lines in all that a task has printed, and saves it as a file", async () => {
    const counts = { ...waits, command: "sh -c 'seq 2000; exec sleep 600'" };
    await using context = await startContext([counts]);
    await using opened = await open(context.url);
    const { page, inputFaults } = opened;
    await box(page, "waits").click();
    await page.locator("#lines li", { hasText: "2000" }).waitFor();

    await page.locator("#search").fill("^7$|^1999$");
    await page.locator("#search-note", { hasText: "2 lines" }).waitFor();
    const found = await page.locator("#lines li span:last-child").allInnerTexts();
    await page.locator("#search").fill("(");
    await page.locator("#search-note", { hasText: "missing closing" }).waitFor();
    await page.locator("#search").press("Escape");
    await page.locator("#lines li", { hasText: "1999" }).waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#save-log").click()]);
    const saved = readFileSync(await download.path(), "utf8").split("\n");

    expect(found).toEqual(["7", "1999"]);
    expect(download.suggestedFilename()).toBe("waits-T1.log");
    expect(saved).toHaveLength(2_001);
    expect(saved[0]).toMatch(/^\d{4}-\S+Z \| 1$/);
    // A browser counts the pattern that can't be read.
    expect(inputFaults).toEqual([expect.stringContaining("400")]);
  });

  test("says what all tasks take and what the provider does, and offers long spans only of what is kept", async () => {
    await using kept = await startContext([waits], "--history");
    await using passing = await startContext([waits]);
    await using shown = await open(kept.url);
    await using other = await open(passing.url);
    const { page, inputFaults } = shown;

    await page.locator("#sums", { hasText: /^all tasks .* MiB — provider .* MiB$/ }).waitFor();
    await page.locator("#spans button", { hasText: "7 d" }).click();
    await page.locator("#memory-legend .value", { hasText: "MiB" }).waitFor();

    expect(await page.locator("#spans button").allInnerTexts()).toEqual(["5 min", "1 h", "6 h", "1 d", "7 d"]);
    expect(await page.locator('#spans button[aria-pressed="true"]').allInnerTexts()).toEqual(["7 d"]);
    expect(await page.locator("#reading").innerText()).toBe("");
    expect(await other.page.locator("#spans button").allInnerTexts()).toEqual(["5 min", "1 h"]);
    expect(inputFaults).toEqual([]);
  });

  test("shows who sends to whom, queues and dead letters, which it replays and discards, on a phone and on screens", async () => {
    const configuration = "<device_action>act</device_action>";
    await using context = await startContext([{ id: "ts_1", instance: "ListensToOrders", configuration }], ...SERVED);
    await using opened = await open(context.url);
    const { page, inputFaults } = opened;
    await inState(page, "ts_1", "running");
    await using bus = await EventBus.connect({
      another: true,
      ...{ contextFile: context.file, src: "context001/service_ts_1/test", timeoutMs: BOUND_MS },
    });
    for (const id of [1, -1, -2]) await bus.emit("orders.created", { content: { id } });

    await page.locator('.arrow.event[data-from="ts_1"][data-to="ts_1"]').waitFor({ state: "attached" });
    await page.locator("#queues td.bad", { hasText: "2" }).waitFor();
    const letters = page.locator("#letters li");
    await letters.nth(1).waitFor();
    await letters.first().getByRole("button", { name: "show" }).click();
    await page.locator("#letters pre", { hasText: '"id": -2' }).waitFor();
    await fitsAt(page, [390, 800, 1_280]);
    expect(await contrasts(page)).toEqual([]);

    await letters.first().getByRole("button", { name: "discard" }).click();
    await page.locator("#question-dialog").getByRole("button", { name: "Yes" }).click();
    await page.locator("#token").fill(TOKEN);
    await page.locator("#token-dialog").getByRole("button", { name: "Go on" }).click();
    await page.locator("#said", { hasText: "discard: 1 of 1 dead letters" }).waitFor();
    await letters.first().getByRole("button", { name: "replay" }).click();
    await page.locator("#said", { hasText: "replay: 1 of 1 dead letters" }).waitFor();
    // It fails again.
    await letters.first().waitFor();
    expect(await bus.operations.deadLetters({})).toMatchObject([{ error: { message: "no such order" } }]);
    expect(inputFaults).toEqual([]);
  });

  test("lists the steps of the transaction that is chosen", async () => {
    await using context = await startContext([waits]);
    await using opened = await open(context.url);
    const { page, inputFaults } = opened;
    const steps = page.locator("#transitions li");
    await inState(page, "waits", "running");
    await steps.nth(1).waitFor();
    const before = await steps.count();

    const second = await fetch(`${context.url}api/commands`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({ action: "start", transaction: "T2" }),
    });
    await page.locator("#transaction option", { hasText: "T2" }).waitFor({ state: "attached" });
    await page.locator("#transaction").selectOption("T2");
    await inState(page, "waits", "running");
    await page.locator("#transaction").selectOption("T1");
    await inState(page, "waits", "running");
    await steps.nth(1).waitFor();

    expect(second.status).toBe(200);
    expect(before).toBe(2);
    expect(await steps.count()).toBe(2);
    expect(inputFaults).toEqual([]);
  });

  test("commands with the token, which the tab keeps, and not without", async () => {
    await using context = await startContext([waits]);
    await using opened = await open(context.url);
    const { page, inputFaults } = opened;
    await inState(page, "waits", "running");
    await box(page, "waits").click();

    await page.locator("#stop-task").click();
    await page.locator("#token").fill("a-wrong-token-altogether");
    await page.keyboard.press("Enter");
    await page.locator("#token-dialog[open]").waitFor();
    await page.locator("#token").fill(TOKEN);
    await page.keyboard.press("Enter");

    await page.locator("#said", { hasText: "stop waits" }).waitFor();
    // Nothing of it runs any more, so the transaction is over; the same button of the whole begins another.
    await page.locator("#transaction option", { hasText: "T1 (over)" }).waitFor({ state: "attached" });
    await page.locator("#start-all").click();
    await inState(page, "waits", "running");
    await page.locator("#stop-all").click();
    await page.locator("#question-dialog").getByRole("button", { name: "Yes" }).click();
    await inState(page, "waits", "stopped");
    // The browser itself reports the 401.
    expect(inputFaults.filter((text) => !text.includes("401"))).toEqual([]);
    expect(inputFaults).toHaveLength(1);
  });

  test("starts nothing beside a transaction that somebody else has just begun, but when it is told to", async () => {
    await using context = await startContext([waits]);
    await using opened = await open(context.url);
    const { page } = opened;
    await page.evaluate(`sessionStorage.setItem("zcontext-token", ${JSON.stringify(TOKEN)})`);
    const give = (body: object) =>
      fetch(`${context.url}api/commands`, {
        method: "POST",
        headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    await inState(page, "waits", "running");
    await give({ action: "stop", transaction: "T1" });
    await page.locator("#transaction option", { hasText: "T1 (over)" }).waitFor({ state: "attached" });
    const answers: number[] = [];
    page.on("response", (response) => response.url().endsWith("/api/commands") && answers.push(response.status()));
    const begin = async (route: { continue(): Promise<void> }) => {
      await give({ action: "start", transaction: "T2" });
      await route.continue();
    };

    await page.route("**/api/commands", begin, { times: 1 });
    await page.locator("#start-all").click();
    await page.locator("#question", { hasText: "T2 runs: nothing was started" }).waitFor();
    const before = await page.locator("#transaction option").count();
    await page.locator("#question-dialog").getByRole("button", { name: "Yes" }).click();
    await page.locator("#transaction option").nth(1).waitFor({ state: "attached" });

    expect(answers[0]).toBe(409);
    expect(before).toBe(1);
    expect(await page.locator("#transaction option").count()).toBe(2);
  });

  test("can be used with the keyboard alone", async () => {
    await using context = await startContext([waits, { ...waits, id: "second" }, { ...waits, id: "third" }]);
    await using opened = await open(context.url);
    const { page } = opened;
    await inState(page, "third", "running");
    const focused = page.locator(".task:focus");

    await box(page, "waits").focus();
    await page.keyboard.press("ArrowRight");
    expect(await focused.getAttribute("data-task")).toBe("second");
    await page.keyboard.press("End");
    expect(await focused.getAttribute("data-task")).toBe("third");
    expect(await page.locator('.task[tabindex="0"]').count()).toBe(1);
    await page.keyboard.press("Enter");
    expect(await page.locator("#details-title").innerText()).toBe("third");
    // The focus can be seen, and stays when the task's state is told anew.
    expect(await focused.locator(".halo").evaluate("(halo) => getComputedStyle(halo).stroke")).not.toBe("none");
    await page.keyboard.press("Escape");
    await page.locator("#details.none").waitFor();
  });

  test("shows whatever a file or a program says as text", async () => {
    const evil = "<img src=x onerror=document.title=1>";
    const says = { ...waits, instance: "Evil", command: `sh -c 'echo "${evil}"; exec sleep 600'` };
    await using context = await startContext([says], "--log-level", "info");
    await using opened = await open(context.url);
    const { page, inputFaults } = opened;

    await box(page, "waits").click();

    await page.locator("#lines li", { hasText: evil }).waitFor();
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.title()).toContain("zcontext");
    expect(inputFaults).toEqual([]);
  });

  test("finds its provider again, and says meanwhile that it is away", async () => {
    await using folder = await makeFolder({ "Context-Test.xml": contextXml([waits]) });
    const words = [folder.at("Context-Test.xml"), "--start", "T1"];
    const first = startCommand("service-context", [...words, "--http", "0"]);
    const url = await addressOf(first);
    await using opened = await open(url);
    const { page } = opened;
    await inState(page, "waits", "running");

    await first[Symbol.asyncDispose]();
    await page.locator("#connection", { hasText: "connecting" }).waitFor();
    await using second = startCommand("service-context", [...words, "--http", new URL(url).port]);
    await addressOf(second);

    await page.locator("#connection", { hasText: "live" }).waitFor();
    await inState(page, "waits", "running");
  });

  const NAMES = [
    "temperature-sensor-hall-3-north-east-corner",
    "Förderband_Überwachung_Süd",
    "温度传感器采集服务",
    "Very.Long.Qualified.Name.With.Dots.And.More.Dots",
    "x",
  ];
  const nameAt = (index: number) => `${NAMES[index % NAMES.length]}-${index}`;
  /** With long and wide names, and chains of triggers. */
  const named = (count: number): TaskXml[] =>
    Array.from({ length: count }, (_, index) => ({
      ...waits,
      id: nameAt(index),
      instance: `TemperatureSensorHall${index}NorthEastCornerPollingService`,
      ...(index % 9 === 4 ? { command: "sh -c 'echo no such device >&2; exit 3'" } : {}),
      triggers: index % 6 < 4 && index + 1 < count ? { on_exit: `start ${nameAt(index + 1)}` } : {},
    }));

  test.each([5, 45])(
    "shows every text of %i tasks with long names within its place, on a phone and on screens",
    async (count) => {
      const tasks = named(count);
      const failing = tasks[4] as TaskXml;
      tasks[4] = { ...failing, triggers: { on_exit: "exit all", on_fail: `restart ${tasks[0]?.id}` } };
      await using context = await startContext(tasks);
      await using opened = await open(context.url, { width: 390 });
      const { page, inputFaults } = opened;

      await inState(page, failing.id, "failed");
      await page.locator("#memory-legend .value", { hasText: "MiB" }).first().waitFor();
      await box(page, failing.id).click();
      await page.locator("#lines li", { hasText: "no such device" }).waitFor();
      await page.locator("#facts", { hasText: "sh -c 'echo no such device" }).waitFor();
      await page.locator("#facts", { hasText: "exit code 3" }).waitFor();

      await fitsAt(page, [390, 800, 1_280, 1_920]);
      const steps = await page.locator("#transitions li .link").allInnerTexts();
      expect(steps.filter((task) => task !== failing.id)).toEqual([]);
      expect(inputFaults).toEqual([]);
    },
  );

  test("draws a task in one colour in all charts, and a line where nothing uses CPU", async () => {
    await using context = await startContext(named(3));
    await using opened = await open(context.url);
    const { page } = opened;
    for (const chart of ["cpu", "memory"]) await page.locator(`#${chart}-legend li`).nth(2).waitFor();

    const looks = (chart: string) =>
      page.evaluate<string[][]>(`[...document.querySelectorAll("#${chart}-legend li")].map((item) => {
        const path = item.querySelector(".swatch path");
        return [item.querySelector(".of").textContent, getComputedStyle(path).stroke, path.getAttribute("stroke-dasharray")];
      })`);
    const [cpu, memory] = [await looks("cpu"), await looks("memory")];

    expect(cpu).toEqual(memory);
    expect(new Set(cpu.map(([, colour]) => colour)).size).toBe(3);
    expect(await page.locator("#cpu-chart.empty").count()).toBe(0);
    expect(await page.locator("#cpu-legend .value").allInnerTexts()).not.toContainEqual(expect.stringContaining("NaN"));
  });

  test("tells who comes later how all ended, until something new starts", async () => {
    const fails = { ...waits, id: "fails", command: "sh -c 'echo the last words; exit 3'" };
    await using context = await startContext([fails]);
    await context.provider.stderr.first((text) => text.includes("transaction ended"));

    await using opened = await open(context.url);
    const { page, inputFaults } = opened;
    await inState(page, "fails", "failed");
    await page.locator("#transaction option", { hasText: "T1 (over)" }).waitFor({ state: "attached" });
    await box(page, "fails").click();

    await page.locator("#lines li", { hasText: "the last words" }).waitFor();
    expect(await page.locator("#facts").innerText()).toContain("code 3");
    expect((await fetch(`${context.url}_health`)).status).toBe(503);
    expect(inputFaults).toEqual([]);
  });

  const hundred: TaskXml[] = Array.from({ length: 100 }, (_, index) => ({
    ...waits,
    id: `task_${index}`,
    entry: index % 10 === 0 ? "on_start" : "on_demand",
    triggers: index % 10 === 9 ? {} : { on_fail: `start task_${index + 1}` },
  }));

  test("has room for a hundred tasks, in light on a screen and in dark on a phone", async () => {
    await using context = await startContext(hundred);
    await hasRoom(context.url, { colorScheme: "light", width: 1_400 });
    await hasRoom(context.url, { colorScheme: "dark", width: 390 });
  });

  async function hasRoom(url: string, look: Required<Look>): Promise<void> {
    await using opened = await open(url, look);
    const { page, inputFaults } = opened;
    // They start in any order.
    for (const { id, entry } of hundred) if (entry === "on_start") await inState(page, id, "running");

    expect(await page.locator(".task").count()).toBe(100);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(look.width);
    await page.locator("#counts button", { hasText: "running" }).click();
    await page.locator("#counts button", { hasText: "running" }).click();
    expect(await page.locator("#details-title").innerText()).toBe("task_10");
    await page.locator("#lines li", { hasText: "here" }).waitFor();
    expect(await contrasts(page)).toEqual([]);
    expect(inputFaults).toEqual([]);
  }
});

/** Charts and texts follow a new width in later frames. */
async function fitsAt(page: Page, widths: readonly number[]): Promise<void> {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 844 });
    await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))");
    await expect.poll(() => outsiders(page), { timeout: BOUND_MS, message: `${width} wide` }).toEqual([]);
  }
}

/** Texts that leave their place: the box of a task, another text in it, what clips them, or the page. */
async function outsiders(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const found = [];
    const rect = (element) => element.getBoundingClientRect();
    for (const task of document.querySelectorAll(".task")) {
      const face = rect(task.querySelector(".face"));
      const texts = [...task.querySelectorAll("text")].filter((text) => text.textContent !== "" && rect(text).width > 0);
      for (const [index, text] of texts.entries()) {
        const own = rect(text);
        if (own.left < face.left || own.right > face.right || own.bottom > face.bottom) found.push("over its box: " + text.textContent);
        for (const other of texts.slice(index + 1).map(rect))
          if (own.left < other.right && other.left < own.right && own.top < other.bottom - 2 && other.top < own.bottom - 2)
            found.push("over another text: " + text.textContent);
      }
    }
    const canvas = document.querySelector("#canvas");
    if (canvas.scrollWidth > canvas.clientWidth) found.push("the picture is wider than its place");
    for (const element of document.querySelectorAll("body *")) {
      if (element.closest("svg, dialog, .plot") !== null || rect(element).width === 0) continue;
      const isClipped = element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline";
      if (isClipped || rect(element).right > innerWidth + 0.5) found.push("out of its place: " + element.outerHTML.slice(0, 80));
    }
    return [...new Set(found)];
  })()`);
}

/** Texts in boxes, chips and notes whose colour is too close to what is behind them: WCAG asks for 4.5 to 1. */
async function contrasts(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const parts = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const light = (colour) => {
      const [red, green, blue] = parts(colour).map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ratio = (one, other) => {
      const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
      return (bright + 0.05) / (dark + 0.05);
    };
    const style = (element) => getComputedStyle(element);
    const behind = (element) => {
      for (let at = element; at !== null; at = at.parentElement) {
        const { backgroundColor } = style(at);
        if (!/, 0\\)$|transparent/.test(backgroundColor)) return backgroundColor;
      }
      return "rgb(255, 255, 255)";
    };
    const inBoxes = [...document.querySelectorAll(".task text")].map((text) => ({
      what: text.getAttribute("class"), ratio: ratio(style(text).fill, style(text.parentElement.querySelector(".face")).fill),
    }));
    const others = [...document.querySelectorAll(".chip, .note, .why, dt, dd, time, h2, h3, .legend .value, button.link")].map((element) => ({
      what: element.className || element.tagName, ratio: ratio(style(element).color, behind(element)),
    }));
    return [...inBoxes, ...others].filter(({ ratio }) => ratio < 4.5).map(({ what, ratio }) => what + " " + ratio.toFixed(2));
  })()`);
}
