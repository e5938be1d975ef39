// The page of a hub: asks its server for the state, and shows it. All text is set as text: nodes may say anything.
import type {
  HubCommand,
  HubPage,
  ShownLine,
  ShownNode,
  ShownReading,
  ShownService,
} from "../../src/hub/contract/page.ts";

const EVERY_MS = 2_000;
/** Kept for this tab only. */
const TOKEN = "zcontext-hub-token";

const find = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const token = find<HTMLInputElement>("token");
let page: HubPage | undefined;
/** What was drawn last, by the element that it is in: what has not changed is left alone, so that a choice in it stays. */
const drawn = new Map<string, string>();

token.value = sessionStorage.getItem(TOKEN) ?? "";
token.addEventListener("change", () => {
  sessionStorage.setItem(TOKEN, token.value);
  void update();
});

function headers(): Record<string, string> {
  return token.value === "" ? {} : { authorization: `Bearer ${token.value}` };
}

async function update(): Promise<void> {
  try {
    const response = await fetch("/api/state", { headers: headers() });
    const body = await response.json();
    if (response.ok) draw(body as HubPage);
    else {
      say(String(body.reason), true);
      find("access").hidden = response.status !== 401;
    }
  } catch {
    chip(find("broker"), "the hub does not answer", "bad");
  }
}

async function command(what: HubCommand, done: string): Promise<void> {
  try {
    const response = await fetch("/api/commands", {
      method: "POST",
      headers: { ...headers(), "content-type": "application/json" },
      body: JSON.stringify(what),
    });
    const { reason } = await response.json();
    say(response.ok ? done : String(reason), !response.ok);
  } catch {
    say("the hub does not answer", true);
  }
  drawn.clear();
  await update();
}

function draw(next: HubPage): void {
  page = next;
  const { broker, catalogue, nodes, services } = next;
  chip(find("broker"), broker.isConnected ? "broker connected" : "broker away", broker.isConnected ? "good" : "bad");
  find("broker").title = broker.url;
  find("access").hidden = !next.takesCommands;
  find("catalogue").textContent = catalogue
    ? `catalogue ${catalogue.version}, counts until ${new Date(catalogue.expires).toLocaleString()}`
    : "nothing is published";
  const online = nodes.filter(({ state }) => state === "online").length;
  find("count").textContent = nodes.length === 0 ? "none has said anything yet" : `${online} of ${nodes.length} online`;
  fill("services", services, serviceRow);
  fill("nodes", nodes, nodeCard);
}

function fill<T>(id: string, items: readonly T[], make: (item: T) => HTMLElement): void {
  const text = JSON.stringify([items, page?.takesCommands, page?.signs]);
  if (text === drawn.get(id)) return;
  drawn.set(id, text);
  find(id).replaceChildren(...items.map(make));
}

function serviceRow({ name, versions, published, enabled, hosts }: ShownService): HTMLElement {
  const choice = element("select");
  choice.setAttribute("aria-label", `version of ${name}`);
  choice.append(...versions.map((version) => Object.assign(element("option", version), { value: version })));
  if (published !== undefined) choice.value = published;
  const publish = button("Publish", () =>
    command({ kind: "version", name, version: choice.value }, `${name} ${choice.value} is published`),
  );
  publish.disabled = choice.disabled = !mayPublish();
  const toggle = button(enabled ? "enabled" : "disabled", () =>
    command({ kind: "enabled", name, enabled: !enabled }, `${name} is ${enabled ? "disabled" : "enabled"}`),
  );
  toggle.setAttribute("aria-pressed", String(enabled));
  toggle.disabled = !mayPublish() || published === undefined;
  const where = hosts.length === 0 ? "on all nodes" : `on ${hosts.join(", ")}`;
  const note = element("span", published === undefined ? "not published" : `${published} ${where}`, "note grow");
  return box("card row", element("h3", name), note, choice, publish, toggle);
}

function mayPublish(): boolean {
  return page?.takesCommands === true && page.signs;
}

function nodeCard({ node, state, since, desired, services, readings, lines }: ShownNode): HTMLElement {
  const status = element("span", state, `chip ${state === "online" ? "good" : state === "offline" ? "bad" : ""}`);
  const switched = (name: "enabled" | "debug") => {
    const next = { ...desired, [name]: !desired[name] };
    const toggle = button(`${name} ${desired[name] ? "on" : "off"}`, () =>
      command({ kind: "node", node, ...next }, `${node}: ${name} is to be ${next[name] ? "on" : "off"}`),
    );
    toggle.setAttribute("aria-pressed", String(desired[name]));
    toggle.disabled = page?.takesCommands !== true;
    return toggle;
  };
  const card = box(
    "card",
    box("row", element("h3", node), status, element("span", `since ${clock(since)}`, "note grow")),
  );
  card.append(box("row", switched("enabled"), switched("debug")));
  if (services.length > 0)
    card.append(element("p", services.map(({ name, version }) => `${name} ${version}`).join(", "), "note"));
  card.append(element("h4", "Readings"), list(readings.map(readingRow), "none yet"));
  card.append(element("h4", "Log"), list(lines.map(lineRow), "no lines: debug is off, or nothing was said"));
  return card;
}

function readingRow({ time, source, body }: ShownReading): HTMLElement {
  return row(time, source, typeof body === "string" ? body : JSON.stringify(body), "");
}

function lineRow({ time, source, level, text }: ShownLine): HTMLElement {
  return row(time, `${source} ${level}`, text, level === "error" ? "error" : "");
}

function row(time: string, source: string, text: string, kind: string): HTMLElement {
  const item = element("li");
  const when = element("time", clock(time));
  when.setAttribute("datetime", time);
  item.append(when, element("span", source, "source"), element("span", text, kind));
  return item;
}

function list(rows: HTMLElement[], none: string): HTMLElement {
  if (rows.length === 0) return element("p", none, "note");
  const found = box("list", ...rows);
  // A list that scrolls is reached by the keyboard.
  found.tabIndex = 0;
  return found;
}

function clock(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : date.toLocaleTimeString([], { hour12: false });
}

function element<K extends keyof HTMLElementTagNameMap>(name: K, text = "", kind = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind !== "") made.className = kind;
  return made;
}

function box(kind: string, ...children: HTMLElement[]): HTMLElement {
  const made = element(kind === "list" ? "ul" : "div", "", kind);
  made.append(...children);
  return made;
}

function button(text: string, act: () => void): HTMLButtonElement {
  const made = element("button", text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function chip(where: HTMLElement, text: string, kind: "good" | "bad"): void {
  where.textContent = text;
  where.className = `chip ${kind}`;
}

function say(text: string, isBad: boolean): void {
  const said = find("said");
  said.textContent = text;
  said.className = isBad ? "chip bad" : "chip good";
}

setInterval(update, EVERY_MS);
void update();
