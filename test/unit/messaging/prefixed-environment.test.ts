import { expect, test } from "vitest";
import { prefixedUrl } from "../../../src/messaging/servers/prefixed-environment.ts";

const SHOP = {
  EVENT_BUS_AMQP_HOST: "localhost",
  EVENT_BUS_AMQP_PORT: "5672",
  EVENT_BUS_AMQP_USER: "sh@p",
  EVENT_BUS_AMQP_PASS: "p/ss",
  EVENT_BUS_AMQP_VHOST: "/",
};

test.each(["EVENT_BUS_", "EVENT_BUS"])("the prefix %s has five variables", (prefix) => {
  expect(prefixedUrl(prefix, SHOP)).toBe("amqp://sh%40p:p%2Fss@localhost:5672/%2F");
});

test("the port of encrypted connections has one", () => {
  expect(prefixedUrl("EVENT_BUS", { ...SHOP, EVENT_BUS_AMQP_PORT: "5671", EVENT_BUS_AMQP_HOST: "mq" })).toBe(
    "amqps://sh%40p:p%2Fss@mq:5671/%2F",
  );
});

test("every variable that is missing is named at once", () => {
  expect(() => prefixedUrl("MINE_", { MINE_AMQP_HOST: "mq", MINE_AMQP_USER: "", MINE_AMQP_VHOST: "/" })).toThrow(
    expect.objectContaining({
      code: "ERR_ENVIRONMENT_INVALID",
      message: "MINE_AMQP_PORT, MINE_AMQP_USER, MINE_AMQP_PASS: expected a value, got none",
    }),
  );
});

test("credentials travel unencrypted to another machine only where a variable says so", () => {
  const away = { ...SHOP, EVENT_BUS_AMQP_HOST: "mq" };

  expect(() => prefixedUrl("EVENT_BUS", away)).toThrow(
    expect.objectContaining({
      code: "ERR_ENGINE_REFUSED",
      message: expect.not.stringMatching(/sh@p|p\/ss|p%2Fss/),
      hint: "Use port 5671, or say that the way is safe: EVENT_BUS_AMQP_INSECURE=true",
    }),
  );
  expect(prefixedUrl("EVENT_BUS", { ...away, EVENT_BUS_AMQP_INSECURE: "true" })).toMatch(/@mq:5672.*\?insecure=true$/);
});
