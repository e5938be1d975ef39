import { describe, expect, test } from "vitest";
import { userNameOf } from "../../../../src/hub/com/providers/azure-topics.ts";
import { sasToken } from "../../../../src/hub/com/providers/sas.ts";
import { API_VERSIONS, refusalOfLogin } from "../../../../src/hub/simulator/login.ts";

const hostName = "simulated.azure-devices.net";
const key = Buffer.from("a key").toString("base64");
const known = { devices: { box1: key }, hostName, nowS: 1_000 };
const credentials = { hostName, deviceId: "box1", key };
const good = { clientId: "box1", user: userNameOf(hostName, "box1"), pass: sasToken(credentials, 2_000) };

describe("a device", () => {
  test("is let in with its name, a version and a token, until that has run out", () => {
    expect(refusalOfLogin(good, known)).toEqual({ expiresS: 2_000 });
    for (const version of API_VERSIONS)
      expect(refusalOfLogin({ ...good, user: `${hostName}/box1/?api-version=${version}` }, known)).toEqual({
        expiresS: 2_000,
      });
  });

  test.each([
    [{ clientId: "box2" }, "no device box2"],
    [{ clientId: "constructor" }, "no device constructor"],
    [{ user: userNameOf("other.net", "box1") }, "not its own"],
    [{ user: `${hostName}/box1` }, "not its own"],
    [{ user: `${hostName}/box1/?api-version=2015-01-01` }, 'no version "2015-01-01"'],
    [{ user: `${hostName}/box1/?api-version=` }, 'no version ""'],
    [{ pass: "secret" }, "is no token"],
    [{ pass: sasToken({ ...credentials, deviceId: "box2" }, 2_000) }, "for something else"],
    [{ pass: sasToken({ ...credentials, key: "b3RoZXI=" }, 2_000) }, "not signed with its key"],
    [{ pass: sasToken(credentials, 2_000).replace("se=2000", "se=9000") }, "not signed with its key"],
    [{ pass: sasToken(credentials, 1_000) }, "has run out"],
  ])("is refused with %j", (but, reason) => {
    expect(refusalOfLogin({ ...good, ...but }, known)).toMatchObject({ refused: expect.stringContaining(reason) });
  });
});
