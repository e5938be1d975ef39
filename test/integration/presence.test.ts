import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, rename, rm, symlink } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { keyOf, lookAt } from "../../src/presence/file-sight.ts";
import { holdPresence } from "../../src/presence/presence.ts";
import { openRunFolder } from "../../src/presence/run-folder.ts";
import { findPresence } from "../../src/presence/search.ts";
import { BOUND_MS } from "../support/bound.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { startScript, startScriptBy } from "../support/script.ts";

leaveNoProcess();

const FILES = { "Context-A.xml": "<Context/>", "Context-B.xml": "<Context/>" };

/** The socket of the provider of a file. */
async function socketOf(file: string): Promise<string> {
  const [name = ""] = (await lookAt(file)).names;
  return join((await openRunFolder()) ?? "", keyOf(name));
}

const ENDPOINTS = { publish: "tcp://127.0.0.1:1", subscribe: "tcp://127.0.0.1:2" };

test("a context file has one holder, and whoever comes second is told its pid", async () => {
  await using folder = await makeFolder(FILES);
  await using _held = await holdPresence(folder.at("Context-A.xml"), { pid: 4_312, contextId: "context001" });

  const second = holdPresence(folder.at("Context-A.xml"), { pid: 4_313, contextId: "context001" });

  await expect(second).rejects.toMatchObject({
    code: "ERR_PROVIDER_RUNNING",
    message: expect.stringMatching(/Context-A\.xml.* 4312$/),
  });
});

test("of many who come at once one gets the context file", async () => {
  await using folder = await makeFolder(FILES);

  const comers = [1, 2, 3, 4, 5].map((pid) => holdPresence(folder.at("Context-A.xml"), { pid, contextId: "" }));
  const outcomes = await Promise.allSettled(comers);
  const held = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  await Promise.all(held.map((presence) => presence[Symbol.asyncDispose]()));

  expect(held).toHaveLength(1);
});

test("each context file has a holder of its own", async () => {
  await using folder = await makeFolder(FILES);
  await using _a = await holdPresence(folder.at("Context-A.xml"), { pid: 1, contextId: "a" });
  await using _b = await holdPresence(folder.at("Context-B.xml"), { pid: 2, contextId: "b" });

  const found = await Promise.all(["Context-A.xml", "Context-B.xml"].map((name) => findPresence(folder.at(name))));

  expect(found.map((presence) => presence?.contextId)).toEqual(["a", "b"]);
});

test("whoever looks for the holder of a context file is told where it can be reached", async () => {
  await using folder = await makeFolder(FILES);
  const file = folder.at("Context-A.xml");
  await using held = await holdPresence(file, { pid: 1, contextId: "a" });

  const atFirst = await findPresence(file);
  held.update({ pid: 1, contextId: "a", endpoints: ENDPOINTS });
  const later = await findPresence(file);

  const { instance } = held;
  expect(atFirst).toEqual({ instance, pid: 1, contextId: "a" });
  expect(later).toEqual({ instance, pid: 1, contextId: "a", endpoints: ENDPOINTS });
});

test("a context file that nobody holds has no presence", async () => {
  await using folder = await makeFolder(FILES);

  expect(await findPresence(folder.at("Context-A.xml"))).toBeUndefined();
});

test("a context file is the same through a link", async () => {
  await using folder = await makeFolder(FILES);
  await symlink(folder.at("Context-A.xml"), folder.at("Link.xml"));
  await using _held = await holdPresence(folder.at("Link.xml"), { pid: 1, contextId: "a" });

  const found = await findPresence(folder.at("Context-A.xml"));
  const second = holdPresence(folder.at("Context-A.xml"), { pid: 2, contextId: "a" });

  expect(found?.pid).toBe(1);
  await expect(second).rejects.toMatchObject({ code: "ERR_PROVIDER_RUNNING" });
});

test("a context file is free again once it was let go", async () => {
  await using folder = await makeFolder(FILES);
  const file = folder.at("Context-A.xml");
  const held = await holdPresence(file, { pid: 1, contextId: "a" });

  await held[Symbol.asyncDispose]();

  expect(await findPresence(file)).toBeUndefined();
  await using _second = await holdPresence(file, { pid: 2, contextId: "a" });
  expect((await findPresence(file))?.pid).toBe(2);
});

test("a context file is free at once when its holder is killed", async () => {
  await using folder = await makeFolder(FILES);
  const file = folder.at("Context-A.xml");
  await using holder = await startScript("holds-a-presence.mjs", file);
  const before = await findPresence(file);

  await holder.kill();
  await using _held = await holdPresence(file, { pid: 2, contextId: "a" });

  expect(before?.pid).toBe(holder.pid);
  expect((await findPresence(file))?.pid).toBe(2);
});

test("whoever asks and never hangs up does not keep the holder from leaving", async () => {
  await using folder = await makeFolder({ "Context-A.xml": "" });
  const held = await holdPresence(folder.at("Context-A.xml"), { pid: process.pid, contextId: "" });
  const visitor = connect({ path: await socketOf(folder.at("Context-A.xml")), allowHalfOpen: true }).resume();
  await once(visitor, "end");

  await expect(held[Symbol.asyncDispose]()).resolves.toBeUndefined();

  visitor.destroy();
});

test("a file that does not exist is run by nobody", async () => {
  expect(await findPresence("no/such/Context-A.xml")).toBeUndefined();
});

test("a holder that is halted is said not to answer, and keeps its place", async () => {
  await using folder = await makeFolder(FILES);
  const file = folder.at("Context-A.xml");
  await using holder = await startScript("holds-a-presence.mjs", file);
  process.kill(holder.pid, "SIGSTOP");

  await expect(findPresence(file)).rejects.toMatchObject({ code: "ERR_REQUEST_TIMEOUT" });
  await expect(holdPresence(file, { pid: process.pid, contextId: "" })).rejects.toMatchObject({
    code: "ERR_PROVIDER_RUNNING",
  });

  process.kill(holder.pid, "SIGCONT");
});

test.each(["", '{"pid":43', "null"])("a holder that hangs up after %j is said not to answer", async (answer) => {
  await using folder = await makeFolder(FILES);
  const file = folder.at("Context-A.xml");
  const path = await socketOf(file);
  // A killed provider has left one, where a folder has the inode again that another one had.
  await rm(path, { force: true });
  const server = createServer((socket) => socket.end(answer)).listen(path);
  await once(server, "listening");

  await expect(findPresence(file)).rejects.toMatchObject({
    code: "ERR_REQUEST_TIMEOUT",
    message: `the provider of ${file} does not answer: it has hung up`,
  });

  server.close();
  await once(server, "close");
});

// --- places that change ------------------------------------------------------------------------------------------------

const about = { pid: process.pid, contextId: "a" };
const taken = { code: "ERR_PROVIDER_RUNNING" };

describe("a provider that was started through a link", () => {
  test("is found by the same path once the link leads elsewhere, and is not joined by a second one", async () => {
    await using folder = await makeFolder({ "1/Context-A.xml": "", "2/Context-A.xml": "" });
    await symlink("1", folder.at("current"));
    await using held = await holdPresence(folder.at("current/Context-A.xml"), about);

    await rm(folder.at("current"));
    await symlink("2", folder.at("current"));

    for (const path of ["current/Context-A.xml", "1/Context-A.xml", "2/Context-A.xml"]) {
      expect((await findPresence(folder.at(path)))?.instance).toBe(held.instance);
      await expect(holdPresence(folder.at(path), about)).rejects.toMatchObject(taken);
    }
  });

  test("goes before one that runs the file to which the link leads now", async () => {
    await using folder = await makeFolder({ "1/Context-A.xml": "", "2/Context-A.xml": "" });
    await symlink("1", folder.at("current"));
    await using first = await holdPresence(folder.at("current/Context-A.xml"), about);
    await using second = await holdPresence(folder.at("2/Context-A.xml"), about);

    await rm(folder.at("current"));
    await symlink("2", folder.at("current"));

    expect((await findPresence(folder.at("current/Context-A.xml")))?.instance).toBe(first.instance);
    expect((await findPresence(folder.at("2/Context-A.xml")))?.instance).toBe(second.instance);
  });
});

describe("a provider is found", () => {
  test("by its path when another folder has taken the place of its own", async () => {
    await using folder = await makeFolder({ "app/Context-A.xml": "", "next/Context-A.xml": "" });
    await using held = await holdPresence(folder.at("app/Context-A.xml"), about);

    await rename(folder.at("app"), folder.at("old"));
    await rename(folder.at("next"), folder.at("app"));

    expect((await findPresence(folder.at("app/Context-A.xml")))?.instance).toBe(held.instance);
    expect((await findPresence(folder.at("old/Context-A.xml")))?.instance).toBe(held.instance);
  });

  test("when its file is gone, and when its folder is", async () => {
    await using folder = await makeFolder({ "app/Context-A.xml": "" });
    const file = folder.at("app/Context-A.xml");
    await using held = await holdPresence(file, about);

    await rm(file);
    expect((await findPresence(file))?.instance).toBe(held.instance);
    await rm(folder.at("app"), { recursive: true });
    expect((await findPresence(file))?.instance).toBe(held.instance);
  });

  test("under the new name of its file as well as the old one", async () => {
    await using folder = await makeFolder(FILES);
    await using held = await holdPresence(folder.at("Context-A.xml"), about);

    await rename(folder.at("Context-A.xml"), folder.at("Context-New.xml"));

    expect((await findPresence(folder.at("Context-New.xml")))?.instance).toBe(held.instance);
    expect((await findPresence(folder.at("Context-A.xml")))?.instance).toBe(held.instance);
  });
});

test("a copy of a folder has a provider of its own", async () => {
  await using folder = await makeFolder({ "app/Context-A.xml": "" });
  await using _held = await holdPresence(folder.at("app/Context-A.xml"), about);

  await cp(folder.at("app"), folder.at("copy"), { recursive: true });

  expect(await findPresence(folder.at("copy/Context-A.xml"))).toBeUndefined();
  await using _copy = await holdPresence(folder.at("copy/Context-A.xml"), about);
});

test("a provider whose socket was cleared away comes back", async () => {
  await using folder = await makeFolder(FILES);
  const file = folder.at("Context-A.xml");
  await using held = await holdPresence(file, about);

  await rm(await socketOf(file));

  await expect.poll(() => findPresence(file), { timeout: BOUND_MS }).toMatchObject({ instance: held.instance });
});

// --- namespaces ----------------------------------------------------------------------------------------------------------

/** Whether this machine lets us have namespaces of our own: not without root, nor in most containers. */
function mayUnshare(): boolean {
  try {
    execFileSync("unshare", ["-m", "-n", "sh", "-c", "mount --bind /tmp /tmp"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!mayUnshare())("where unshare can make namespaces,", () => {
  const seeing = (folder: string, at: string) => [
    ...["unshare", "-m", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', folder, at],
  ];

  test("two that see different files at one path have a provider each, and find it", async () => {
    await using folder = await makeFolder({ "a/Context-A.xml": "", "b/Context-A.xml": "" });
    await mkdir(folder.at("app"));
    const file = folder.at("app/Context-A.xml");
    const [boxA, boxB] = ["a", "b"].map((box) => seeing(folder.at(box), folder.at("app"))) as [string[], string[]];
    await using a = await startScriptBy(boxA, "holds-a-presence.mjs", file);
    await using before = await startScriptBy(boxB, "finds-a-presence.mjs", file);
    await using b = await startScriptBy(boxB, "holds-a-presence.mjs", file);
    await using inA = await startScriptBy(boxA, "finds-a-presence.mjs", file);
    await using inB = await startScriptBy(boxB, "finds-a-presence.mjs", file);

    expect(JSON.parse(before.firstLine)).toBeNull();
    expect(JSON.parse(inA.firstLine)).toMatchObject({ pid: a.pid });
    expect(JSON.parse(inB.firstLine)).toMatchObject({ pid: b.pid });
  });

  test("a provider is found from another network namespace", async () => {
    await using folder = await makeFolder(FILES);
    await using held = await holdPresence(folder.at("Context-A.xml"), about);
    await using apart = await startScriptBy(["unshare", "-n"], "finds-a-presence.mjs", folder.at("Context-A.xml"));

    expect(JSON.parse(apart.firstLine)).toMatchObject({ instance: held.instance });
  });
});
