import { expect, test } from "vitest";
import { type FindEntry, findAccount, privilegeWords } from "../../../../src/launch/process/account.ts";

const ROOT = { uid: 0, gid: 0 };
const LINES: { [key: string]: string } = {
  "passwd shop": "shop:x:1001:1002:The shop:/home/shop:/bin/sh",
  "passwd root": "root:x:0:0:root:/root:/bin/bash",
  "group www": "www:x:33:",
};
const find: FindEntry = async (database, key) => LINES[`${database} ${key}`];

const wordsFor = async (who: { user?: string; group?: string }) => {
  const { account } = await findAccount(who, { own: ROOT, find });
  return account && privilegeWords(account).join(" ");
};

test.each([
  [{ user: "shop" }, "--reuid 1001 --regid 1002 --init-groups"],
  [{ user: "shop", group: "www" }, "--reuid 1001 --regid 33 --init-groups"],
  [{ user: "4711" }, "--reuid 4711 --regid 4711 --clear-groups"],
  [{ group: "www" }, "--regid 33 --clear-groups"],
  [{ user: "shop", group: "77" }, "--reuid 1001 --regid 77 --init-groups"],
  [{}, undefined],
  [{ user: "root" }, undefined],
])("%j is %s", async (who, words) => {
  expect(await wordsFor(who)).toBe(words);
});

test("a user brings its own home", async () => {
  const { environment } = await findAccount({ user: "shop" }, { own: ROOT, find });

  expect(environment).toEqual({ USER: "shop", LOGNAME: "shop", HOME: "/home/shop", SHELL: "/bin/sh" });
});

test.each([
  [{ user: "nobody-here" }, ROOT, "user nobody-here: there is no such user on this machine"],
  [{ group: "none" }, ROOT, "group none: there is no such group on this machine"],
  [
    { user: "shop", group: "www" },
    { uid: 1000, gid: 1000 },
    "user shop, group www: only root can start a task as another one, and the provider runs as uid 1000",
  ],
])("%j is refused to %j", async (who, own, reason) => {
  await expect(findAccount(who, { own, find })).rejects.toThrow(
    expect.objectContaining({ code: "ERR_ENVIRONMENT_INVALID", message: reason }),
  );
});

test("a provider may name its own user", async () => {
  expect(await findAccount({ user: "shop" }, { own: { uid: 1001, gid: 1002 }, find })).toEqual({ environment: {} });
});
