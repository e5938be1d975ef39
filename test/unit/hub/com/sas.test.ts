import { describe, expect, test } from "vitest";
import {
  readConnectionString,
  readSasToken,
  resourceOf,
  sasToken,
  signatureOf,
} from "../../../../src/hub/com/providers/sas.ts";

const device = { hostName: "plant.azure-devices.net", deviceId: "box 1", key: "c2VjcmV0" };

describe("a token of a device", () => {
  test("names what it is for and until when, and is signed with the key", () => {
    const token = sasToken(device, 1_800_000_000);

    expect(token).toBe(
      "SharedAccessSignature sr=plant.azure-devices.net%2Fdevices%2Fbox%201&sig=dwAaMZKzvtlAHDa4FtttrZj90hzkD7n8pzh0X3nqh%2FU%3D&se=1800000000",
    );
    expect(readSasToken(token)).toEqual({
      resource: resourceOf(device),
      signature: signatureOf(resourceOf(device), 1_800_000_000, device.key),
      expiresS: 1_800_000_000,
    });
  });

  test.each(["", "SharedAccessSignature sr=a", "Bearer x", "SharedAccessSignature sr=a&sig=b&se=never"])(
    "is none: %j",
    (text) => {
      expect(readSasToken(text)).toBeUndefined();
    },
  );
});

describe("a connection string", () => {
  test("has a key that may hold the sign =", () => {
    expect(readConnectionString("HostName=h;DeviceId=d;SharedAccessKey=YWI==")).toEqual({
      hostName: "h",
      deviceId: "d",
      key: "YWI==",
    });
  });

  test.each(["", "HostName=h;DeviceId=d", "HostName=;DeviceId=d;SharedAccessKey=secret=="])(
    "is refused without being quoted: %j",
    (text) => {
      expect(() => readConnectionString(text)).toThrow(
        expect.objectContaining({ code: "ERR_CONFIG_INVALID", message: expect.not.stringContaining("secret") }),
      );
    },
  );
});
