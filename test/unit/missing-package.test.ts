import { expect, test } from "vitest";
import { missing } from "../../src/missing-package.ts";

const PACKAGES = ["@nats-io/transport-node", "@nats-io/jetstream"];

test.each(["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"])("a package that is not installed is named with %s", (code) => {
  const error = Object.assign(new Error("Cannot find package '@nats-io/jetstream' imported from /app/x.js"), { code });

  expect(missing(error, "engine nats", PACKAGES)).toMatchObject({
    code: "ERR_ENGINE_MISSING",
    message: "engine nats needs @nats-io/transport-node and @nats-io/jetstream, not installed here",
    hint: "npm install @nats-io/transport-node @nats-io/jetstream",
  });
});

test("another reason, or another package, is left as it is", () => {
  const other = Object.assign(new Error("Cannot find package 'left-pad'"), { code: "ERR_MODULE_NOT_FOUND" });

  expect(missing(other, "engine nats", PACKAGES)).toBeUndefined();
  expect(missing(new Error("@nats-io/jetstream is broken"), "engine nats", PACKAGES)).toBeUndefined();
});
