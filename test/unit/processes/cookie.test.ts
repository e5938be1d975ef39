import fc from "fast-check";
import { expect, test } from "vitest";
import { COOKIE, findCookie, readCookie, writeCookie } from "../../../src/processes/cookie.ts";

const word = fc.stringMatching(/^[A-Za-z0-9-]+$/);
const cookies = fc.record({ context: word, provider: word, run: word });
const cookie = { context: "0f3a", provider: "5f0c-11", run: "r-1" };

test("a cookie is read as it was written", () => {
  fc.assert(
    fc.property(cookies, (any) => {
      expect(readCookie(writeCookie(any))).toEqual(any);
    }),
  );
});

test("what is no word makes no cookie", () => {
  for (const run of ["", "a:b", "a b", "a\0b", "a\n", "ä"]) {
    expect(() => writeCookie({ ...cookie, run })).toThrow(TypeError);
  }
});

test("a text that was not written as a cookie is none", () => {
  for (const text of ["", "::", "a:b", "a:b:", "a:b:c:d", "a:b:c ", "a:b:c\n"])
    expect(readCookie(text)).toBeUndefined();
});

test("the cookie is found among other variables, wherever it stands", () => {
  const variable = `${COOKIE}=${writeCookie(cookie)}`;
  const others = ["HOME=/root", `OLD_${COOKIE}=x:y:z`, `NOTE=${COOKIE}=x:y:z`, `${COOKIE}S=x:y:z`];

  for (let at = 0; at <= others.length; at += 1) {
    const environment = others.toSpliced(at, 0, variable).join("\0");
    expect(findCookie(environment)).toEqual(cookie);
    expect(findCookie(`${environment}\0`)).toEqual(cookie);
  }
  expect(findCookie(others.join("\0"))).toBeUndefined();
  expect(findCookie("")).toBeUndefined();
});
