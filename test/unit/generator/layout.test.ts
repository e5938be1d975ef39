import { resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ZcontextError } from "../../../src/errors.ts";
import { isBelow } from "../../../src/folders.ts";
import {
  contextFileAt,
  locationRule,
  pathFrom,
  type ServicePlace,
  type Site,
  servicePlaceOf,
} from "../../../src/generator/layout.ts";
import { SITE, service } from "./site.ts";

const KITCHEN = { contextName: "Kitchen" };

/** Where the service Echo goes. */
function echoAt(location: string | undefined, site: Partial<Site> = {}): ServicePlace {
  return servicePlaceOf(service("Echo", { location }), KITCHEN, { ...SITE, ...site });
}

describe("the context file", () => {
  test("is in the folder conf of the home", () => {
    expect(contextFileAt(SITE, "Kitchen")).toBe("/project/conf/Context-Kitchen.xml");
    expect(contextFileAt({ ...SITE, home: "/home" }, "Kitchen")).toBe("/home/conf/Context-Kitchen.xml");
  });

  test("is in the folder that the original made, where there is one", () => {
    const folders = { services: "Services", conf: "Conf" };

    expect(contextFileAt({ ...SITE, folders }, "Kitchen")).toBe("/project/Conf/Context-Kitchen.xml");
  });
});

describe("the code of a service", () => {
  test.each<[title: string, location: string | undefined, site: Partial<Site>, folder: string, written?: string]>([
    ["is where the provider looks by itself", undefined, {}, "/project/services/Echo"],
    [
      "is where the provider looks in a project of the original",
      undefined,
      { folders: { services: "Services", conf: "Conf" } },
      "/project/Services/Echo",
    ],
    [
      "is told when the home is elsewhere",
      undefined,
      { home: "/home" },
      "/project/services/Echo",
      "../../project/services",
    ],
    ["is told when the home is inside", undefined, { home: "/project/a" }, "/project/services/Echo", "../../services"],
    ["is told when it is asked for, relative to the context file", "code", {}, "/project/code/Echo", "../code"],
    [
      "is told even when it is the usual one that is asked for",
      "services",
      {},
      "/project/services/Echo",
      "../services",
    ],
    ["may be deep", "./code/deep/../here/", {}, "/project/code/here/Echo", "../code/here"],
    ["may be the project itself", ".", {}, "/project/Echo", ".."],
    ["may be beside the context file", "conf", {}, "/project/conf/Echo", "."],
    ["may be below it", "conf/own", {}, "/project/conf/own/Echo", "own"],
    [
      "may be asked for by an absolute path, and is told so",
      "/project/code",
      {},
      "/project/code/Echo",
      "/project/code",
    ],
    ["may go out and come back", "../project/code", {}, "/project/code/Echo", "../code"],
    ["may begin with two dots that lead nowhere", "..code", {}, "/project/..code/Echo", "../..code"],
  ])("%s", (_, location, site, folder, written) => {
    expect(echoAt(location, site)).toEqual({ folder, location: written });
  });

  test.each(["..", "../", "../other", "/", "/other", "/projects", "code/../..", "/project/../other", "../project2"])(
    "is never outside the project: %s",
    (location) => {
      let error: unknown;
      try {
        echoAt(location);
      } catch (thrown) {
        error = thrown;
      }

      expect(locationRule(SITE).accepts(location)).toBe(false);
      expect(error).toBeInstanceOf(ZcontextError);
      expect(error).toMatchObject({
        code: "ERR_TARGET_REFUSED",
        message: `location ${location} is outside the project /project; nothing was written`,
      });
    },
  );

  test.each<[location: string, folder: string, written: string]>([
    ["code", "/project/code/Echo", "../code"],
    ["/a/link/code", "/project/code/Echo", "/a/link/code"],
    ["/a/link", "/project/Echo", "/a/link"],
    ["/project/code", "/project/code/Echo", "/project/code"],
    ["../link/code", "/project/code/Echo", "../code"],
    ["../project/code", "/project/code/Echo", "../code"],
  ])("of a project that is reached through a link may be in %s", (location, folder, written) => {
    expect(echoAt(location, { given: "/a/link" })).toEqual({ folder, location: written });
  });

  test("may be called by a link that the project itself has to it", () => {
    expect(echoAt("/project/link/code", { given: "/project/link" }).folder).toBe("/project/code/Echo");
    expect(echoAt("/project/code", { given: "/project/link" }).folder).toBe("/project/code/Echo");
  });

  test.each(["/a", "/a/links", "..", "/a/link/../other", "/other"])(
    "is not outside that project either: %s",
    (location) => {
      const rule = locationRule({ ...SITE, given: "/a/link" });

      expect(rule.accepts(location)).toBe(false);
      expect(rule.expected).toBe("a folder of the project /a/link");
    },
  );

  test("is below the project or refused, and told by a path that leads there, whatever is asked for", () => {
    const parts = fc.array(fc.constantFrom("..", ".", "a", "project", "services", "conf", "", " ", "..."), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(
        parts,
        fc.constantFrom("", "/"),
        fc.constantFrom("/project", "/home", "/project/a"),
        (names, root, home) => {
          const location = root + names.join("/");
          let place: ServicePlace;
          try {
            place = echoAt(location, { home });
          } catch (error) {
            expect(error).toMatchObject({ code: "ERR_TARGET_REFUSED" });
            expect(locationRule(SITE).accepts(location)).toBe(false);
            return;
          }
          expect(locationRule(SITE).accepts(location)).toBe(true);

          expect(isBelow("/project", place.folder)).toBe(true);
          expect(resolve(home, "conf", place.location ?? "nowhere", "Echo")).toBe(place.folder);
        },
      ),
      { numRuns: 500 },
    );
  });
});

test.each([
  ["/a/b", "/a/c/d", "../c/d"],
  ["/a", "/a/b", "b"],
  ["/a", "/a", ""],
])("the path from %s to %s is %j", (from, to, path) => {
  expect(pathFrom(from, to)).toBe(path);
});
