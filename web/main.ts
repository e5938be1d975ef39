// The page of the dashboard: keeps the state that the server sends, passes it to the parts of the page, and gives commands.
import type {
  CommandRequest,
  Events,
  LetterCommand,
  State,
  TaskDefinition,
  TaskSnapshot,
  TransactionSnapshot,
} from "../src/http/contract/api.ts";
import { isAtRest, TASK_STATES, type TaskState } from "../src/protocol/task-state.ts";
import { createCharts } from "./charts.ts";
import { createDetails } from "./details.ts";
import { askForToken, confirm } from "./dialogs.ts";
import { html, part, symbol } from "./element.ts";
import { createFeed } from "./feed.ts";
import { createMessages } from "./messages.ts";
import { createPicture } from "./picture.ts";
import { command, commandLetters, listen, readHistory, readTransitions, TokenRequired } from "./server.ts";
import { LONG_SPANS, SHORT_SPANS } from "./spans.ts";
import { lookOf } from "./states.ts";
import { bytes, percent } from "./text.ts";
import { createTimeline } from "./timeline.ts";

type CpuAndMemory = readonly [cpuPercent: number, residentBytes: number];

/** How often the last hour is read again: the server keeps a row each ten seconds, events add one each second. */
const HISTORY_AGAIN_MS = 300_000;

let state: State | undefined;
/** The shown transaction; one that has ended stays until another begins. */
let transaction: TransactionSnapshot | undefined;
let isChosen = false;
let selected: string | undefined;
let figures: ReadonlyMap<string, CpuAndMemory> = new Map();
let cost: Events["cost"] | undefined;

const picture = createPicture(select);
const charts = createCharts({ onSelect: select, onSpan: (spanMs) => timeline.choose(spanMs) });
const timeline = createTimeline({
  read: readHistory,
  show: charts.show,
  say(text) {
    part("reading").textContent = text;
  },
});
const feed = createFeed(select);
const details = createDetails();
const messages = createMessages({ command: orderLetters, confirm });

function definitions(): TaskDefinition[] {
  const own = state?.definitions ?? [];
  const known = new Set(own.map(({ id }) => id));
  // A command may have brought tasks that the file does not have.
  const brought = (transaction?.tasks ?? []).filter(({ id }) => !known.has(id));
  return [...own, ...brought.map(definitionOf)];
}

function definitionOf({ id, instance, serviceName }: TaskSnapshot): TaskDefinition {
  const unknown = { description: "", serviceType: "", entersAtOnce: false, dependsOn: [], triggers: [] };
  return { id, instance, serviceName, ...unknown };
}

function select(id: string | undefined): void {
  selected = id;
  picture.select(id);
  charts.select(id);
  feed.select(id);
  showDetails();
}

function showDetails(): void {
  const definition = definitions().find(({ id }) => id === selected);
  details.show(
    definition && {
      definition,
      state: statesNow().get(definition.id),
      figures: figures.get(definition.id),
      transaction: transaction?.id,
      isKept: state?.keepsLogs ?? false,
    },
  );
  showButtons();
}

function statesNow(): Map<string, TaskSnapshot> {
  return new Map((transaction?.tasks ?? []).map((task) => [task.id, task]));
}

function isOpen(): boolean {
  return state?.transactions.some(({ id }) => id === transaction?.id) ?? false;
}

/** The transactions that can be shown: those that have ended, then those that run, the newest last. */
function shownTransactions({ transactions, ended }: State): TransactionSnapshot[] {
  const open = new Set(transactions.map(({ id }) => id));
  return [...ended.filter(({ id }) => !open.has(id)), ...transactions];
}

// The newest, until the user chooses one.
function showNewest(whole: State): void {
  const shown = shownTransactions(whole);
  const same = shown.find(({ id }) => id === transaction?.id);
  const next = same !== undefined && isChosen ? same : shown.at(-1);
  if (same === undefined) isChosen = false;
  if (next !== undefined) showTransaction(next);
}

function showTransaction(next: TransactionSnapshot): void {
  const isOther = next.id !== transaction?.id;
  transaction = next;
  if (!isOther) return;
  figures = new Map();
  timeline.show(next.id);
  feed.show(next.id);
}

function show(): void {
  if (state === undefined) return;
  const states = statesNow();
  document.title = `${state.context || "context"} – zcontext`;
  part("context").textContent = [state.context, state.name].filter((text) => text !== "").join(" · ");
  const tasks = definitions();
  charts.know(tasks.map(({ id }) => id));
  picture.draw(tasks, state.messages?.flows);
  messages.show(state.messages, state.takesCommands);
  picture.showStates(states);
  charts.offer([...SHORT_SPANS, ...(state.keepsHistory ? LONG_SPANS : [])]);
  showTransactions(state);
  showCounts([...states.values()]);
  showDetails();
}

function showTransactions(whole: State): void {
  const choice = part<HTMLSelectElement>("transaction");
  const open = whole.transactions;
  const ids = shownTransactions(whole).map(({ id }) => id);
  if (transaction !== undefined && !ids.includes(transaction.id)) ids.push(transaction.id);
  const names = ids.map((id) => (open.some((one) => one.id === id) ? id : `${id} (over)`));
  const key = JSON.stringify(names);
  if (choice.dataset.names !== key) {
    choice.dataset.names = key;
    const none = html("option", { text: "nothing runs", set: { value: "" } });
    choice.replaceChildren(
      ...(ids.length === 0
        ? [none]
        : ids.map((id, index) => html("option", { text: names[index] as string, set: { value: id } }))),
    );
  }
  choice.value = transaction?.id ?? "";
  choice.disabled = ids.length < 2;
}

function showCounts(tasks: readonly TaskSnapshot[]): void {
  const counts = new Map<TaskState, number>();
  for (const { state } of tasks) counts.set(state, (counts.get(state) ?? 0) + 1);
  const sorted = [...counts].sort(([one], [other]) => TASK_STATES.indexOf(one) - TASK_STATES.indexOf(other));
  const chips = sorted.map(([word, count]) => {
    const { tone, symbol: path, word: text } = lookOf(word);
    const traits = {
      class: `chip tone-${tone}`,
      set: { type: "button", "data-state": word, title: `show one that is ${text}` },
    };
    const chip = html("button", { ...traits, on: { click: () => showNext(word) } }, symbol(path), `${count} ${text}`);
    return html("li", {}, chip);
  });
  const place = part("counts");
  // The chip with the focus keeps it.
  const { state: focused } = (document.activeElement as HTMLElement | null)?.dataset ?? {};
  place.replaceChildren(...chips);
  if (focused !== undefined) place.querySelector<HTMLElement>(`[data-state="${CSS.escape(focused)}"]`)?.focus();
}

/** What all tasks take together, and what the provider takes. */
function showSums(): void {
  const all = [...figures.values()].reduce(([cpu, rss], [more, size]) => [cpu + more, rss + size], [0, 0]);
  const texts = [
    figures.size === 0 ? [] : [`all tasks ${percent(all[0])} · ${bytes(all[1])}`],
    cost === undefined ? [] : [`provider ${percent(cost.cpuPercent)} · ${bytes(cost.residentBytes)}`],
  ].flat();
  part("sums").textContent = texts.join(" — ");
  part("sums").hidden = texts.length === 0;
  if (cost !== undefined)
    part("sums").title =
      `The provider, its forwarder and its broker; sampling the tasks takes ${percent(cost.samplingPercent)}.`;
}

/** Selects the next task in this state: among many tasks they are hard to find. */
function showNext(word: string): void {
  const ids = [...statesNow().values()].filter(({ state }) => state === word).map(({ id }) => id);
  const next = ids[(ids.indexOf(selected ?? "") + 1) % ids.length];
  if (next !== undefined) picture.reveal(next);
}

// --- commands --------------------------------------------------------------------------------------------------------

const ACTIONS = ["start", "restart", "stop"] as const;

function showButtons(): void {
  const takesCommands = state?.takesCommands ?? false;
  part("read-only").hidden = takesCommands || state === undefined;
  const task = selected === undefined ? undefined : statesNow().get(selected);
  for (const action of ACTIONS) {
    const [whole, one] = [part<HTMLButtonElement>(`${action}-all`), part<HTMLButtonElement>(`${action}-task`)];
    whole.hidden = !takesCommands;
    one.hidden = !takesCommands;
    whole.disabled = action === "start" ? isOpen() : !isOpen();
    const isResting = task === undefined || isAtRest(task.state);
    one.disabled =
      !isOpen() || task === undefined || (action === "stop" ? isResting : action === "start" && !isResting);
  }
}

async function order(request: CommandRequest): Promise<void> {
  const tasks = request.tasks?.join(", ") ?? "all tasks";
  say(`${request.action} ${tasks} …`);
  try {
    const answer = await command(request);
    if (answer.result === "failure") {
      say(`${answer.reason} (${answer.code})`, "bad");
      const isSecond = request.action === "start" && request.transaction === undefined && !request.new;
      if (!isSecond || answer.code !== "ERR_TASK_ALIVE") return;
      if (await confirm(`${answer.reason}. Start another transaction beside it?`))
        await order({ ...request, new: true });
      return;
    }
    const orders = Object.entries(answer.orders).map(([task, told]) => `${told} ${task}`);
    say(
      orders.length > 6 ? `${orders.slice(0, 6).join(", ")} and ${orders.length - 6} more` : orders.join(", "),
      "good",
    );
  } catch (error) {
    if (!(error instanceof TokenRequired)) return say(`${request.action}: ${(error as Error).message}`, "bad");
    if (await askForToken()) return order(request);
    say(`${request.action} ${tasks}: a token is required`, "bad");
  }
}

/** False where it was refused. */
async function orderLetters(request: LetterCommand): Promise<boolean> {
  try {
    const answer = await commandLetters(request);
    if (answer.result === "failure") say(`${answer.reason} (${answer.code})`, "bad");
    else say(`${request.action}: ${answer.count} of ${request.ids.length} dead letters`, "good");
    return answer.result === "success";
  } catch (error) {
    if (!(error instanceof TokenRequired)) say(`${request.action}: ${(error as Error).message}`, "bad");
    else if (await askForToken()) return orderLetters(request);
    else say(`${request.action}: a token is required`, "bad");
    return false;
  }
}

function say(text: string, tone = "idle"): void {
  const place = part("said");
  place.className = `tone-${tone}`;
  place.textContent = text;
}

function target(): { transaction?: string } {
  return isOpen() && transaction !== undefined ? { transaction: transaction.id } : {};
}

for (const action of ACTIONS) {
  part(`${action}-all`).addEventListener("click", async () => {
    const count = transaction?.tasks.length ?? 0;
    if (action === "start" || (await confirm(`Really ${action} all ${count} tasks?`)))
      await order({ action, ...target() });
  });
  part(`${action}-task`).addEventListener("click", async () => {
    if (selected !== undefined) await order({ action, ...target(), tasks: [selected] });
  });
}

part<HTMLSelectElement>("transaction").addEventListener("change", ({ target }) => {
  const found = state && shownTransactions(state).find(({ id }) => id === (target as HTMLSelectElement).value);
  if (found === undefined) return;
  isChosen = true;
  showTransaction(found);
  show();
});
part("close-details").addEventListener("click", () => select(undefined));

// --- events of the server --------------------------------------------------------------------------------------------

type Handlers = { [Name in keyof Events]: (value: Events[Name]) => void };

const handlers: Handlers = {
  snapshot({ state: whole, transitions }) {
    state = whole;
    connected("live", "good");
    showNewest(whole);
    feed.begin(transitions);
    // A snapshot holds the last of them.
    readTransitions().then(feed.addOlder, () => {});
    show();
    void timeline.refresh();
  },
  state(transactions) {
    if (state === undefined) return;
    state = { ...state, transactions };
    showNewest(state);
    show();
  },
  ended(ended) {
    if (state !== undefined) state = { ...state, ended };
  },
  // The event `state` is sent less often, and without transactions that have ended: their last transitions come only here.
  transition(transition) {
    feed.add(transition);
    if (transition.transaction !== transaction?.id) return;
    const { task: id, to: state, run: runs, reason } = transition;
    const pid = isAtRest(state) ? null : (transition.pid ?? null);
    const tasks = transaction.tasks.map((task) => (task.id === id ? { ...task, state, runs, pid, reason } : task));
    transaction = { ...transaction, tasks };
    show();
  },
  triggered(triggered) {
    if (triggered.transaction === transaction?.id) picture.light(triggered);
  },
  figures(told) {
    if (told.transaction !== transaction?.id) return;
    figures = new Map(Object.entries(told.tasks));
    picture.showFigures(figures);
    timeline.add(told);
    showSums();
    showDetails();
  },
  messages(told) {
    if (state === undefined) return;
    state = { ...state, messages: told };
    picture.draw(definitions(), told.flows);
    messages.show(told, state.takesCommands);
  },
  cost(told) {
    cost = told;
    showSums();
  },
};

function connected(text: string, tone: string): void {
  const place = part("connection");
  place.className = `chip tone-${tone}`;
  place.replaceChildren(symbol(lookOf(tone === "good" ? "running" : "backingOff").symbol), text);
}

setInterval(() => void timeline.refresh(), HISTORY_AGAIN_MS);
listen("/api/events", {
  onEvent: (name, value) => handlers[name as keyof Handlers]?.(value as never),
  onLost: () => connected("connecting …", "wait"),
  async onTokenRequired() {
    while (!(await askForToken()));
  },
});
