// The tests in Python of the module that services in Python import: they need no broker and no ZeroMQ.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
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
  expect({ status, stderr }).toMatchObject({ status: 0 });
});

test.each(["zcontext.py", "zcontext_streams.py"])("%s is written for Python 3.8", (module) => {
  const program = `import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 8))`;

  const { status, stderr } = spawnSync("python3", ["-c", program, `${PYTHON_FOLDER}/${module}`], {
    encoding: "utf8",
  });

  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});
