import { createHash } from "node:crypto";
import { once } from "node:events";
import { symlink } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { findPresence, holdPresence } from "../../src/context/provider/presence.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { startScript } from "../support/script.ts";

leaveNoProcess();

const FILES = { "Context-A.xml": "<Context/>", "Context-B.xml": "<Context/>" };
const addressOf = (file: string) => `\0zcontext-${createHash("sha256").update(file).digest("hex").slice(0, 32)}`;
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

  expect(atFirst).toEqual({ pid: 1, contextId: "a" });
  expect(later).toEqual({ pid: 1, contextId: "a", endpoints: ENDPOINTS });
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
  const visitor = connect({ path: addressOf(folder.at("Context-A.xml")), allowHalfOpen: true }).resume();
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
  const server = createServer((socket) => socket.end(answer)).listen(addressOf(file));
  await once(server, "listening");

  await expect(findPresence(file)).rejects.toMatchObject({
    code: "ERR_REQUEST_TIMEOUT",
    message: `the provider of ${file} does not answer: it has hung up`,
  });

  server.close();
  await once(server, "close");
});
