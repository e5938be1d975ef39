// What a node keeps on the disk: its outbox, and its settings.
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type Outbox, openOutbox } from "../../src/hub/com/outbox.ts";
import { openSettings } from "../../src/hub/com/settings-file.ts";
import { startProgram } from "../support/command.ts";
import { makeFolder } from "../support/folder.ts";

const FILLER = fileURLToPath(new URL("../fixtures/fills-an-outbox.mjs", import.meta.url));

const reading = (body: string) => ({ id: body, source: "thermometer", time: "", body });

/** What is in an outbox, in order. */
function bodiesOf(outbox: Outbox): string[] {
  const bodies: string[] = [];
  for (let next = outbox.after(0); next !== undefined; next = outbox.after(next.seq)) bodies.push(next.reading.body);
  return bodies;
}

describe("an outbox", () => {
  test("has all that was confirmed after its process was killed, in order", async () => {
    await using folder = await makeFolder();
    await using filler = startProgram(process.execPath, [FILLER, folder.path]);
    await filler.stdout.first((line) => Number(line) >= 50);
    filler.signal("SIGKILL");
    await filler.exit;
    const confirmed = filler.stdout.all.length;

    const outbox = openOutbox({ folder: folder.path });
    const numbers = bodiesOf(outbox).map((body) => JSON.parse(body).n);
    await outbox.close();

    expect(numbers.length).toBeGreaterThanOrEqual(confirmed);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });

  test("goes on where it was: what was removed is gone, and new readings are behind the old ones", async () => {
    await using folder = await makeFolder();
    const before = openOutbox({ folder: folder.path });
    await Promise.all(["1", "2", "3"].map((body) => before.add(reading(body))));
    before.remove(before.after(0)?.seq ?? 0);
    await before.close();

    const outbox = openOutbox({ folder: folder.path });
    await outbox.add(reading("4"));

    expect(bodiesOf(outbox)).toEqual(["2", "3", "4"]);
    expect(outbox.waiting).toBe(3);
    await outbox.close();
  });

  test("drops the oldest and counts them, over its end as well", async () => {
    await using folder = await makeFolder();
    const options = { folder: folder.path, limits: { readings: 3, bytes: 1_000 } };
    const before = openOutbox(options);
    for (const body of ["1", "2", "3", "4", "5"]) await before.add(reading(body));
    expect(before.dropped).toBe(2);
    await before.close();

    const outbox = openOutbox(options);

    expect(bodiesOf(outbox)).toEqual(["3", "4", "5"]);
    expect(outbox.dropped).toBe(2);
    await expect(outbox.add(reading("x".repeat(2_000)))).rejects.toMatchObject({ code: "ERR_MESSAGE_TOO_LARGE" });
    await outbox.close();
  });

  test("tells who waits for readings", async () => {
    await using folder = await makeFolder();
    const outbox = openOutbox({ folder: folder.path });
    const added = outbox.added();

    await outbox.add(reading("1"));
    await added;

    const closed = outbox.added();
    await outbox.close();
    await closed;
  });

  test("that can't be read is kept under another name, and a new one begins", async () => {
    await using folder = await makeFolder({ "outbox.mdb": "no store".repeat(2_000) });
    const broken: string[][] = [];

    const outbox = openOutbox({ folder: folder.path, onBroken: (...words) => broken.push(words) });
    await outbox.add(reading("1"));
    await outbox.close();

    expect(broken).toEqual([["it is no LMDB file", expect.stringContaining("outbox.mdb.broken-")]]);
  });
});

describe("settings", () => {
  const read = (value: unknown): { n: number } | undefined =>
    typeof Object(value).n === "number" ? { n: Object(value).n } : undefined;

  async function open(path: string) {
    const lines: string[] = [];
    const settings = await openSettings(path, { read, initial: { n: 0 }, warn: (line) => lines.push(line) });
    return { settings, lines };
  }

  test("are the default without a file, and what was written with one, which only its user may read", async () => {
    await using folder = await makeFolder();
    const path = folder.at("node", "settings.json");
    const { settings, lines } = await open(path);
    expect([settings.value, lines]).toEqual([{ n: 0 }, []]);

    await settings.write({ n: 1 });
    await settings.write({ n: 2 });

    expect((await open(path)).settings.value).toEqual({ n: 2 });
    expect(await readFile(`${path}.backup`, "utf8").then(JSON.parse)).toEqual({ n: 1 });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readdir(folder.at("node"))).sort()).toEqual(["settings.json", "settings.json.backup"]);
  });

  test("are those before where the file is broken, else the default, and a line says so", async () => {
    await using folder = await makeFolder();
    const path = folder.at("settings.json");
    const { settings } = await open(path);
    await settings.write({ n: 1 });
    await settings.write({ n: 2 });

    await writeFile(path, '{ "n": 2');
    const first = await open(path);
    expect(first.settings.value).toEqual({ n: 1 });
    expect(first.lines).toEqual([`${path} holds no settings; in their place: ${path}.backup`]);

    await writeFile(`${path}.backup`, '{ "m": 1 }');
    const second = await open(path);
    expect(second.settings.value).toEqual({ n: 0 });
    expect(second.lines[1]).toBe(`${path}.backup holds no settings; in their place: the defaults`);
  });

  test("that are broken do not replace the backup", async () => {
    await using folder = await makeFolder();
    const path = folder.at("settings.json");
    const { settings } = await open(path);
    await settings.write({ n: 1 });
    await settings.write({ n: 2 });
    await writeFile(path, "");

    await (await open(path)).settings.write({ n: 3 });

    expect(await readFile(`${path}.backup`, "utf8").then(JSON.parse)).toEqual({ n: 1 });
  });

  test("written at once follow each other, and the last one stays", async () => {
    await using folder = await makeFolder();
    const { settings } = await open(folder.at("settings.json"));

    await Promise.all([1, 2, 3, 4, 5].map((n) => settings.write({ n })));

    expect((await open(folder.at("settings.json"))).settings.value).toEqual({ n: 5 });
  });
});
