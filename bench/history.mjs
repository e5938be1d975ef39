// Measures what a history costs: appends an hour of figures of many tasks, second by second as a provider does, and reads it
// back. Compares our ring of files with embedded databases, where those are installed. Each runs in a process of its own.
// Usage: node bench/history.mjs [tasks] [--modules DIR]; needs `npm run build`. The databases are loaded from DIR; install
// them with `npm install --prefix DIR lmdb libsql`. Neither is a dependency of zcontext.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const SECONDS = 3_600;
const BEGIN_MS = 1_700_000_000_000;
const PAGE_BYTES = 4_096;
const MIB_BYTES = 2 ** 20;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { modules: { type: "string" }, store: { type: "string" } },
});
const tasks = Number(positionals[0] ?? 100);
const modules = resolve(values.modules ?? ".");

/** How each writes and reads a sample. All survive the kill of their process, and none calls fsync. */
const STORES = {
  async "ring of files"(folder) {
    const { createWriter } = await import("../dist/src/history/writer.js");
    const { readHistory } = await import("../dist/src/history/reader.js");
    const { silent } = await import("../dist/src/log.js");
    const writer = createWriter({ folder, maxBytes: 64 * MIB_BYTES, log: silent });
    writer.open();
    return {
      async append(figures) {
        writer.write({ kind: "figures", ...figures });
        await writer.settled();
      },
      close: () => writer[Symbol.asyncDispose](),
      read: () => readHistory(folder),
    };
  },
  async lmdb(folder) {
    const { open } = load("lmdb");
    const openAgain = () => open({ path: join(folder, "data"), compression: true, noSync: true });
    const writing = openAgain();
    return {
      append: ({ transaction, atMs, tasks }) => writing.put([transaction, atMs], tasks),
      close: () => writing.close(),
      async *read() {
        const reading = openAgain();
        for (const { key, value } of reading.getRange()) yield { transaction: key[0], atMs: key[1], tasks: value };
        await reading.close();
      },
    };
  },
  async libsql(folder) {
    const Database = load("libsql");
    const writing = new Database(join(folder, "data"));
    writing.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;");
    writing.exec("CREATE TABLE figures (at INTEGER, name TEXT, tasks TEXT, PRIMARY KEY (name, at)) WITHOUT ROWID");
    const insert = writing.prepare("INSERT INTO figures VALUES (?, ?, ?)");
    return {
      async append({ transaction, atMs, tasks }) {
        insert.run(atMs, transaction, JSON.stringify(tasks));
      },
      close: async () => writing.close(),
      async *read() {
        const reading = new Database(join(folder, "data"));
        for (const { name, at, tasks } of reading.prepare("SELECT * FROM figures ORDER BY at").iterate())
          yield { transaction: name, atMs: at, tasks: JSON.parse(tasks) };
        reading.close();
      },
    };
  },
};

if (values.store !== undefined) console.log(JSON.stringify(await measure(values.store)));
else compare();

function compare() {
  const row = (...cells) =>
    console.log(cells.map((cell, index) => (index === 0 ? cell.padEnd(16) : cell.padStart(22))).join(""));
  row(`an hour of ${tasks}`, "on disk", "CPU to append", "CPU to read", "RSS, appending", "RSS, reading");
  let ours;
  for (const store of Object.keys(STORES)) {
    if (store !== "ring of files" && !isThere(store)) {
      row(store, "not installed");
      continue;
    }
    const found = measureApart(store);
    ours ??= found;
    const cell = (name, unit) =>
      `${found[name].toFixed(unit === "MiB" ? 1 : 0)} ${unit} ${ratio(found[name], ours[name])}`;
    row(
      store,
      ...[cell("diskMib", "MiB"), cell("appendMs", "ms"), cell("readMs", "ms")],
      ...[cell("appendRssMib", "MiB"), cell("readRssMib", "MiB")],
    );
  }
}

function ratio(value, ours) {
  return `(${(value / ours).toFixed(2)})`;
}

function isThere(store) {
  return existsSync(join(modules, "node_modules", store));
}

function load(name) {
  return createRequire(join(modules, "package.json"))(name);
}

function measureApart(store) {
  const words = [fileURLToPath(import.meta.url), String(tasks), "--modules", modules, "--store", store];
  return JSON.parse(execFileSync(process.execPath, ["--expose-gc", ...words], { encoding: "utf8" }));
}

async function measure(name) {
  const folder = mkdtempSync(join(tmpdir(), "zcontext-bench-"));
  try {
    const samples = [...anHour()];
    globalThis.gc();
    const emptyMib = rssMib();
    const store = await STORES[name](folder);
    let most = 0;
    const appendMs = await cpuOf(async () => {
      for (const sample of samples) {
        await store.append(sample);
        most = Math.max(most, rssMib());
      }
      await store.close();
    });
    const appendRssMib = most - emptyMib;
    globalThis.gc();
    const beforeMib = rssMib();
    most = 0;
    let count = 0;
    const readMs = await cpuOf(async () => {
      for await (const { tasks } of store.read()) {
        count += Object.keys(tasks).length;
        most = Math.max(most, rssMib());
      }
    });
    if (count !== tasks * SECONDS) throw new Error(`${name} has ${count} figures of ${tasks * SECONDS}`);
    return { diskMib: sizeOf(folder) / MIB_BYTES, appendMs, readMs, appendRssMib, readRssMib: most - beforeMib };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** CPU time of all threads of this process. */
async function cpuOf(act) {
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function rssMib() {
  return process.memoryUsage.rss() / MIB_BYTES;
}

function sizeOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).blocks * 512, 0);
}

/** Realistic figures: most tasks idle, some busy, memory that varies in pages. The same in every run. */
function* anHour() {
  const dice = seeded();
  const ids = Array.from({ length: tasks }, (_, index) => `ts${String(index + 1).padStart(3, "0")}`);
  const rss = ids.map(() => 50 * MIB_BYTES + Math.floor(dice() * 5_000) * PAGE_BYTES);
  for (let second = 0; second < SECONDS; second += 1) {
    const figures = ids.map((id, index) => {
      const isBusy = index % 10 === 0;
      const cpu = isBusy ? 20 + dice() * 60 : dice() < 0.7 ? 0 : dice() * 3;
      if (dice() < 0.3) rss[index] += Math.floor((dice() - 0.49) * 50) * PAGE_BYTES;
      return [id, [Math.round(cpu * 10) / 10, rss[index]]];
    });
    yield { transaction: "6FDAHH3W", atMs: BEGIN_MS + second * 1_000, tasks: Object.fromEntries(figures) };
  }
}

/** mulberry32 */
function seeded(seed = 1) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
