// The tests in Python of the module that services in Python import: they need no broker and no ZeroMQ.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { PYTHON_FOLDER } from "../support/bus-peer.ts";
import { findPython } from "../support/python-client.ts";

const TESTS = fileURLToPath(new URL("../python", import.meta.url));

test.each([
  ["", "python3", TESTS],
  [", with jsonschema", findPython(), `${TESTS}/with_jsonschema`],
])("zcontext.py passes its tests in Python%s", (_, python, folder) => {
  const { status, stderr } = spawnSync(python, ["-m", "unittest", "discover", "-s", folder], {
    env: { ...process.env, PYTHONPATH: PYTHON_FOLDER, PYTHONDONTWRITEBYTECODE: "1" },
    encoding: "utf8",
  });

  expect(stderr).toMatch(/^Ran [1-9]\d+ tests/m);
  expect({ status, stderr }).toMatchObject({ status: 0 });
});

test("zcontext.py is written for Python 3.8", () => {
  const program = `import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 8))`;

  const { status, stderr } = spawnSync("python3", ["-c", program, `${PYTHON_FOLDER}/zcontext.py`], {
    encoding: "utf8",
  });

  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});
