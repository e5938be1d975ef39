// The tests in Python of the module that services in Python import: they need no broker and no ZeroMQ.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readableLine, withoutColours } from "../../src/printed-text.ts";
import { readSaid } from "../../src/protocol/said.ts";
import { PYTHON_FOLDER } from "../support/bus-peer.ts";

const TESTS = fileURLToPath(new URL("../python", import.meta.url));

test.each([
  // With -S there are no installed packages.
  ["", ["-S", "-m", "unittest", "discover", "-s", TESTS]],
  [", with jsonschema", ["-m", "unittest", "discover", "-s", `${TESTS}/with_jsonschema`]],
])("zcontext.py passes its tests in Python%s", (_, words) => {
  const { status, stderr } = spawnSync("python3", words, {
    env: { ...process.env, PYTHONPATH: PYTHON_FOLDER, PYTHONDONTWRITEBYTECODE: "1" },
    encoding: "utf8",
  });

  expect(stderr).toMatch(/^Ran [1-9]\d+ tests/m);
  expect(status, stderr).toBe(0);
});

test.each(["zcontext.py", "zcontext_streams.py"])("%s is written for Python 3.8", (module) => {
  const program = `import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 8))`;

  const { status, stderr } = spawnSync("python3", ["-c", program, `${PYTHON_FOLDER}/${module}`], {
    encoding: "utf8",
  });

  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("a line that is logged in Python keeps its level and its fields, as one of TypeScript does", () => {
  const program = String.raw`
import zcontext
log = zcontext.Log()
log("told")
log.info("mail to ada", {"invoice": 1, "to": "\u00e4\u007f"})
log.debug("one\ntwo", {"n": 1})
log.info("long", {"text": "x" * 20000})
log.info("odd", {"set": {1}})
zcontext.Log(tells_levels=False).info("plain", {"n": 1})
log.warn("late", {"sensor": 7})
log.error("gone")
`;

  const { stdout, stderr, status } = spawnSync("python3", ["-S", "-c", program], {
    env: { ...process.env, PYTHONPATH: PYTHON_FOLDER, PYTHONDONTWRITEBYTECODE: "1" },
    encoding: "utf8",
  });

  const read = (text: string) =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => [withoutColours(readableLine(line)), readSaid(line)]);
  expect(status).toBe(0);
  expect(read(stdout)).toEqual([
    ["told", { level: "info" }],
    ["mail to ada", { level: "info", fields: { invoice: 1, to: "ä\u007f" } }],
    ["one", { level: "debug", fields: { n: 1 } }],
    ["two", { level: "debug" }],
    ["long", { level: "info", fields: { fields_left_out: "too long" } }],
    ["odd", { level: "info", fields: { fields_left_out: "not JSON" } }],
    ["plain", {}],
  ]);
  expect(read(stderr)).toEqual([
    ["late", { level: "warn", fields: { sensor: 7 } }],
    ["gone", { level: "error" }],
  ]);
});
