// Installing from a catalogue into a store, with whatever can be wrong with either. What runs the services is a function here.
import { readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ZcontextError } from "../../src/errors.ts";
import { pack, unpack } from "../../src/hub/install/archive.ts";
import { MAX_UNPACKED_BYTES } from "../../src/hub/install/bounds.ts";
import { type Activate, installFrom, planFrom } from "../../src/hub/install/install.ts";
import { folderOf, openStore, readCurrent } from "../../src/hub/install/store.ts";
import { archiveOf, sha256Of } from "../support/archives.ts";
import { addArchive, HUB_KEY, moduleOf, publish } from "../support/catalogue.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { aService } from "../support/manifests.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

const node = { names: ["node-1"], tags: [] };

/** A catalogue beside a store that nothing is installed in. */
async function makePlace() {
  const folder = await makeFolder();
  const at = (name: string): Folder => ({
    ...folder,
    at: (...names) => folder.at(name, ...names),
    write: (file, text) => folder.write(`${name}/${file}`, text),
  });
  const [hub, store] = [at("hub"), folder.at("state", "hub")];
  async function install(activate: Activate = async () => {}, from = hub.at()) {
    await using opened = await openStore(store);
    const outcomes = await installFrom({ from, key: HUB_KEY, store: opened, node, nowMs: Date.now(), activate });
    return outcomes.map(({ step, error }) => ({
      ...error,
      action: step.action,
      name: step.name,
      version: step.version,
      code: error?.code,
      message: error?.message,
    }));
  }
  return {
    hub,
    store,
    install,
    /** The code that all of the manifest, or its first service, is refused with. */
    refusal: (from?: string) =>
      install(undefined, from).then(
        ([outcome]) => outcome?.code,
        (error: ZcontextError) => error.code,
      ),
    audit: async () =>
      (await readFile(`${store}/audit.ndjson`, "utf8"))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The version that the module says which is in force. */
async function versionInForce(store: string): Promise<string> {
  const [service] = (await readCurrent(store)).services;
  if (service === undefined) return "none";
  const { version } = await import(`${folderOf(store, service.name, service)}/${service.entry}`);
  return version;
}

describe("a service of the catalogue", () => {
  test("is installed, updated and removed, with two versions kept and every step in the audit", async () => {
    await using place = await makePlace();
    const versions: string[] = [];
    for (const [index, version] of ["1.0.0", "1.1.0", "1.2.0"].entries()) {
      await publish(place.hub, [await addArchive(place.hub, { version })], { catalogVersion: index + 1 });
      await place.install();
      versions.push(await versionInForce(place.store));
    }
    const kept = await readdir(`${place.store}/services/thermometer`);
    await publish(place.hub, [], { catalogVersion: 4 });
    await place.install();

    expect(versions).toEqual(["1.0.0", "1.1.0", "1.2.0"]);
    expect(kept.map((name) => name.replace(/-.*/, "")).sort()).toEqual(["1.1.0", "1.2.0"]);
    expect(await readdir(`${place.store}/services`)).toEqual([]);
    const steps = (await place.audit()).map(({ step }) => step);
    const update = ["manifest", "downloaded", "unpacked", "trial", "installed"];
    expect(steps).toEqual([...update, ...update, ...update, "manifest", "trial", "removed"]);
  });

  test("that does not become ready is rolled back, and the others are installed", async () => {
    await using place = await makePlace();
    await publish(place.hub, [await addArchive(place.hub)]);
    await place.install();
    const broken = await addArchive(place.hub, { version: "2.0.0" });
    const other = await addArchive(place.hub, { name: "mailer" });
    await publish(place.hub, [broken, other], { catalogVersion: 2 });

    const outcomes = await place.install(async ({ step }) => {
      if (step.name === "thermometer") throw new ZcontextError("ERR_INSTALL_NOT_READY", "it was not ready within 30 s");
    });

    expect(outcomes).toMatchObject([
      { name: "thermometer", code: "ERR_INSTALL_NOT_READY" },
      { name: "mailer", code: undefined },
    ]);
    expect((await readCurrent(place.store)).services).toMatchObject([
      { name: "thermometer", version: "1.0.0" },
      { name: "mailer", version: "1.0.0" },
    ]);
    expect(await versionInForce(place.store)).toBe("1.0.0");
    expect(await place.audit()).toContainEqual(
      expect.objectContaining({
        step: "rolled-back",
        service: "thermometer",
        version: "2.0.0",
        code: "ERR_INSTALL_NOT_READY",
      }),
    );
  });

  test("is tried again with the same manifest after it was rolled back", async () => {
    await using place = await makePlace();
    await publish(place.hub, [await addArchive(place.hub)]);
    await place.install(() => Promise.reject(new Error("not now")));

    expect(await place.install()).toMatchObject([{ action: "install", code: undefined }]);
    expect(await place.install()).toMatchObject([{ action: "keep", code: undefined }]);
  });

  test("leaves the last good version in force when its trial is cut off", async () => {
    await using place = await makePlace();
    await publish(place.hub, [await addArchive(place.hub)]);
    await place.install();
    {
      await using store = await openStore(place.store);
      await store.propose({ services: [] });
    }
    const [during, { services }] = [await readdir(place.store), await readCurrent(place.store)];
    await (await openStore(place.store))[Symbol.asyncDispose]();

    expect(during).toContain("candidate.json");
    expect(services).toMatchObject([{ name: "thermometer" }]);
    expect(await readdir(place.store)).not.toContain("candidate.json");
    expect((await place.audit()).at(-1)).toMatchObject({ step: "interrupted" });
  });

  test("with another config is tried without a download", async () => {
    await using place = await makePlace();
    const service = await addArchive(place.hub);
    await publish(place.hub, [service]);
    await place.install();
    await publish(place.hub, [{ ...service, url: "gone.tgz", config: { every_s: 5 } }], { catalogVersion: 2 });

    expect(await place.install()).toMatchObject([{ action: "update", code: undefined }]);
  });

  test("is only planned by a dry run", async () => {
    await using place = await makePlace();
    await publish(place.hub, [await addArchive(place.hub), aService({ name: "mailer", enabled: false })]);

    const { steps } = await planFrom({
      from: place.hub.at(),
      key: HUB_KEY,
      store: place.store,
      node,
      nowMs: Date.now(),
    });

    expect(steps).toMatchObject([
      { action: "install", name: "thermometer" },
      { action: "skip", name: "mailer" },
    ]);
    await expect(stat(place.store)).rejects.toThrow("ENOENT");
  });
});

describe("a manifest", () => {
  test("that is older than one that was taken is refused, although its signature is good", async () => {
    await using place = await makePlace();
    await publish(place.hub, [], { catalogVersion: 5 });
    await place.install();
    await publish(place.hub, [await addArchive(place.hub)], { catalogVersion: 4 });

    expect(await place.refusal()).toBe("ERR_INSTALL_OLDER");
    expect((await place.audit()).at(-1)).toMatchObject({ step: "refused", code: "ERR_INSTALL_OLDER" });
  });

  test("that was changed after it was signed is refused before anything in it is read", async () => {
    await using place = await makePlace();
    await publish(place.hub, [await addArchive(place.hub)]);
    await place.hub.write("manifest.json", "{");

    expect(await place.refusal()).toBe("ERR_INSTALL_SIGNATURE");
  });

  test("without a signature beside it is refused", async () => {
    await using place = await makePlace();
    await place.hub.write("manifest.json", "{}");

    expect(await place.refusal()).toBe("ERR_INSTALL_DOWNLOAD");
  });

  test("stays as it was while another process changes the store", async () => {
    await using place = await makePlace();
    await publish(place.hub, []);
    await using _held = await openStore(place.store);

    expect(await place.refusal()).toBe("ERR_STATE_UNWRITABLE");
  });
});

const A_MEBIBYTE = " ".repeat(2 ** 20);

describe("an archive", () => {
  /** Installs it, and answers the code of its refusal. */
  async function refusalOf(bytes: Buffer, change: Parameters<typeof addArchive>[1] = {}) {
    await using place = await makePlace();
    await publish(place.hub, [await addArchive(place.hub, change, bytes)]);
    const code = await place.refusal();
    expect((await readCurrent(place.store)).services).toEqual([]);
    expect(await readdir(`${place.store}/services`)).toEqual([]);
    expect(await readdir(place.store)).not.toContain("staging");
    return code;
  }

  test.each([
    ["a path out of its folder", { path: "../evil.mjs", text: "x" }, "ERR_INSTALL_PATH"],
    ["an absolute path", { path: "/tmp/evil.mjs", text: "x" }, "ERR_INSTALL_PATH"],
    ["a path with a backslash", { path: "a\\..\\evil.mjs", text: "x" }, "ERR_INSTALL_PATH"],
    ["a file twice, in other case", { path: "servicethermometer.MJS", text: "x" }, "ERR_INSTALL_PATH"],
    ["a symbolic link", { path: "a", type: "SymbolicLink", linkpath: "/etc" }, "ERR_INSTALL_LINK"],
    [
      "a symbolic link within",
      { path: "a", type: "SymbolicLink", linkpath: "ServiceThermometer.mjs" },
      "ERR_INSTALL_LINK",
    ],
    ["a hard link", { path: "a", type: "Link", linkpath: "ServiceThermometer.mjs" }, "ERR_INSTALL_LINK"],
    ["a device", { path: "a", type: "CharacterDevice" }, "ERR_INSTALL_LINK"],
    ["a pipe", { path: "a", type: "FIFO" }, "ERR_INSTALL_LINK"],
    ["a sparse file", { path: "a", type: "SparseFile" }, "ERR_INSTALL_LINK"],
    ["a file that says it is huge", { path: "a", size: MAX_UNPACKED_BYTES + 1 }, "ERR_INSTALL_SIZE"],
  ] as const)("with %s is refused", async (_, entry, code) => {
    expect(await refusalOf(archiveOf([moduleOf("1.0.0"), entry]))).toBe(code);
  });

  test.each([
    ["that was cut off", archiveOf([moduleOf("1.0.0")]).subarray(0, -30), "ERR_INSTALL_ARCHIVE"],
    [
      "whose last file is not whole",
      archiveOf([moduleOf("1.0.0"), { path: "b", size: 5_000 }], { isWhole: false }),
      "ERR_INSTALL_ARCHIVE",
    ],
    ["that is none", Buffer.from("no archive"), "ERR_INSTALL_ARCHIVE"],
    ["that is compressed, and none", gzipSync(Buffer.alloc(4_096, "x")), "ERR_INSTALL_ARCHIVE"],
    [
      "that expands to more than a node takes",
      archiveOf(
        Array.from({ length: 300 }, () => ({ path: "a", type: "GlobalExtendedHeader", text: A_MEBIBYTE }) as const),
      ),
      "ERR_INSTALL_SIZE",
    ],
    ["that is compressed twice", gzipSync(archiveOf([moduleOf("1.0.0")])), "ERR_INSTALL_ARCHIVE"],
    ["of nothing but its end", gzipSync(Buffer.alloc(2 ** 24)), "ERR_INSTALL_ARCHIVE"],
    ["without its entry", archiveOf([{ path: "other.mjs", text: "x" }]), "ERR_INSTALL_PATH"],
    [
      "whose entry is a folder",
      archiveOf([{ path: "ServiceThermometer.mjs/", type: "Directory" }]),
      "ERR_INSTALL_PATH",
    ],
  ])("%s is refused", async (_, bytes, code) => {
    expect(await refusalOf(bytes)).toBe(code);
  });

  test("of another hash is refused before it is unpacked", async () => {
    expect(await refusalOf(archiveOf([moduleOf("1.0.0")]), { sha256: sha256Of(Buffer.from("another")) })).toBe(
      "ERR_INSTALL_HASH",
    );
  });

  test("of the right hash and another size is refused", async () => {
    const bytes = archiveOf([moduleOf("1.0.0")]);

    expect(await refusalOf(bytes, { size: bytes.length + 1 })).toBe("ERR_INSTALL_SIZE");
    expect(await refusalOf(bytes, { size: bytes.length - 1 })).toBe("ERR_INSTALL_SIZE");
  });

  test("runs none of its scripts, and no bits of its modes but the usual ones are kept", async () => {
    await using folder = await makeFolder();
    const marker = folder.at("ran");
    const scripts = { preinstall: `touch ${marker}`, install: `touch ${marker}`, postinstall: `touch ${marker}` };
    const bytes = archiveOf([
      { path: "package.json", text: JSON.stringify({ scripts }) },
      { ...moduleOf("1.0.0"), mode: 0o6777 },
    ]);
    await using place = await makePlace();
    await publish(place.hub, [await addArchive(place.hub, {}, bytes)]);
    await place.install();

    expect(await versionInForce(place.store)).toBe("1.0.0");
    await expect(stat(marker)).rejects.toThrow("ENOENT");
    const [service] = (await readCurrent(place.store)).services;
    const { mode } = await stat(`${folderOf(place.store, "thermometer", service as never)}/ServiceThermometer.mjs`);
    expect(mode & 0o7022).toBe(0);
  });

  test("of a folder is the same for the same files, and unpacks to them", async () => {
    await using folder = await makeFolder({ "from/main.mjs": "export default 1;", "from/lib/a.mjs": "export {};" });
    await symlink("main.mjs", folder.at("from", "linked.mjs"));
    await pack(folder.at("from"), folder.at("1.tgz"));
    await pack(folder.at("from"), folder.at("2.tgz"));
    await folder.write("to/.keep", "");
    await unpack(folder.at("1.tgz"), folder.at("to"));

    expect(await readFile(folder.at("1.tgz"))).toEqual(await readFile(folder.at("2.tgz")));
    expect((await readdir(folder.at("to"), { recursive: true })).sort()).toEqual([
      ".keep",
      "lib",
      "lib/a.mjs",
      "linked.mjs",
      "main.mjs",
    ]);
  });
});

describe("a server", () => {
  /** Serves the files of a catalogue, but for what a listener answers itself. */
  async function serving(folder: Folder, listener: (...args: Parameters<RequestListener>) => boolean = () => false) {
    const server = createServer(async (request, response) => {
      if (listener(request, response)) return;
      const bytes = await readFile(folder.at(request.url as string)).catch(() => undefined);
      response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}`,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  test("gives manifest and archives over HTTP, also by a redirect to itself", async () => {
    await using place = await makePlace();
    await publish(place.hub, [await addArchive(place.hub, { url: "moved" })]);
    await using server = await serving(place.hub, (request, response) => {
      if (request.url !== "/moved") return false;
      response.writeHead(302, { location: "/archives/thermometer-1.0.0.tgz" }).end();
      return true;
    });

    expect(await place.refusal(server.url)).toBeUndefined();
    expect(await versionInForce(place.store)).toBe("1.0.0");
  });

  test.each([
    ["http://hub.example/manifest.json", "ERR_INSTALL_DOWNLOAD"],
    ["http://10.0.0.1/", "ERR_INSTALL_DOWNLOAD"],
    ["http://user:pass@127.0.0.1:1/", "ERR_INSTALL_DOWNLOAD"],
    ["http://127.0.0.1.example:1/", "ERR_INSTALL_DOWNLOAD"],
  ])("at %s is not asked", async (url, code) => {
    await using place = await makePlace();

    expect(await place.refusal(url)).toBe(code);
  });

  test.each(["file:///etc/passwd", "ftp://127.0.0.1/a.tgz", "http://hub.example/a.tgz", "../../a.tgz", "/etc/a.tgz"])(
    "is not asked for an archive at %s",
    async (url) => {
      await using place = await makePlace();
      await publish(place.hub, [await addArchive(place.hub, { url })]);

      expect(await place.refusal()).toBe("ERR_INSTALL_DOWNLOAD");
    },
  );

  test("that redirects to another one is not followed", async () => {
    await using place = await makePlace();
    await publish(place.hub, [await addArchive(place.hub)]);
    await using other = await serving(place.hub);
    await using server = await serving(place.hub, (request, response) => {
      if (!request.url?.endsWith(".tgz")) return false;
      response.writeHead(307, { location: `${other.url}${request.url}` }).end();
      return true;
    });

    const [outcome] = await place.install(undefined, server.url);

    expect(outcome).toMatchObject({ code: "ERR_INSTALL_DOWNLOAD", message: expect.stringContaining("another server") });
  });

  test("that redirects for ever is given up", async () => {
    await using place = await makePlace();
    await publish(place.hub, []);
    await using server = await serving(place.hub, (request, response) => {
      response.writeHead(302, { location: `/again${request.url}` }).end();
      return true;
    });

    expect(await place.refusal(server.url)).toBe("ERR_INSTALL_DOWNLOAD");
  });

  test("that sends more than it says, or without end, is cut off", async () => {
    await using place = await makePlace();
    await publish(place.hub, [await addArchive(place.hub)]);
    await using server = await serving(place.hub, (request, response) => {
      if (!request.url?.endsWith(".tgz")) return false;
      const send = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on("drain", send);
      send();
      return true;
    });

    expect(await place.refusal(server.url)).toBe("ERR_INSTALL_SIZE");
  });

  test("that ends in the midst of an archive is refused", async () => {
    await using place = await makePlace();
    const service = await addArchive(place.hub);
    await publish(place.hub, [service]);
    await using server = await serving(place.hub, (request, response) => {
      if (!request.url?.endsWith(".tgz")) return false;
      response.writeHead(200, { "content-length": service.size });
      response.write(Buffer.alloc(10), () => response.destroy());
      return true;
    });

    expect(await place.refusal(server.url)).toBe("ERR_INSTALL_DOWNLOAD");
  });

  test("with a manifest that is too large is cut off", async () => {
    await using place = await makePlace();
    await writeFile(await place.hub.write("manifest.json", ""), Buffer.alloc(2 ** 21));
    await place.hub.write("manifest.sig", "");
    await using server = await serving(place.hub);

    expect(await place.refusal(server.url)).toBe("ERR_INSTALL_SIZE");
    expect(await place.refusal()).toBe("ERR_INSTALL_SIZE");
  });
});
