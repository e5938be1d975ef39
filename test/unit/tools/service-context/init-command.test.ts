import { expect, test } from "vitest";
import { initCommand } from "../../../../tools/service-context/init-command.ts";

const PROVIDER = ["/usr/bin/node", "/app/service-context.cjs", "Context-Shop.xml"];
const having =
  (...names: string[]) =>
  (name: string) =>
    names.includes(name) ? `/usr/bin/${name}` : undefined;

test("the first init that is installed runs the provider", () => {
  expect(initCommand(having("catatonit", "tini"), PROVIDER)).toEqual({
    path: "/usr/bin/tini",
    words: ["tini", "--", ...PROVIDER],
  });
});

test("dumb-init is to signal the provider alone", () => {
  expect(initCommand(having("dumb-init"), PROVIDER)?.words).toEqual(["dumb-init", "--single-child", "--", ...PROVIDER]);
});

test("without an init there is no command", () => {
  expect(initCommand(having(), PROVIDER)).toBeUndefined();
});
