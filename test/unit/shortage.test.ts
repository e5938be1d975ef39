import { describe, expect, test } from "vitest";
import { ZcontextError } from "../../src/errors.ts";
import { isShortage, shortageHint } from "../../src/shortage.ts";

const saying = (code: unknown) => Object.assign(new Error("broken"), { code });

describe("a shortage", () => {
  test.each([
    ["EMFILE", "ulimit -n"],
    ["EAGAIN", "ulimit -u"],
  ])("that shows as %s comes with what to do", (code, remedy) => {
    expect(shortageHint(saying(code))).toContain(remedy);
  });

  test("is found behind an error that says what was needed", () => {
    const error = new ZcontextError("ERR_SERVICE_INVALID", "does not compile", { cause: saying("EMFILE") });

    expect(shortageHint(error)).toContain("ulimit -n");
  });

  test.each([saying("ENOENT"), saying(1), saying("toString"), new Error("broken"), "EMFILE", null, undefined])(
    "is not any other failure (%s)",
    (error) => {
      expect(isShortage(error)).toBe(false);
    },
  );
});
