import { describe, expect, test } from "vitest";
import { readPlace } from "../../../src/messaging/engines/nats/delivery-place.ts";
import { faultOf, lacksJetStream } from "../../../src/messaging/engines/nats/faults.ts";
import { consumerOf, eventOf, placesOf } from "../../../src/messaging/engines/nats/names.ts";
import { keepingOf, serversOf } from "../../../src/messaging/engines/nats/options.ts";
import { again } from "../../../src/messaging/engines/nats/settlements.ts";

describe("names on a server of NATS", () => {
  test("an event has a stream for its domain and a subject of three words", () => {
    expect(placesOf("orders.created")).toEqual({
      ...{ stream: "events_orders", domain: "events.orders.*" },
      ...{ subject: "events.orders.created", held: "held.orders.created" },
    });
    expect(placesOf("orders.a.b*>").subject).toBe("events.orders.a=2eb=2a=3e");
    expect(eventOf("events.orders.a=2eb=2a=3e")).toBe("orders.a.b*>");
  });

  test("two groups never share a consumer", () => {
    const groups = [
      ["d.a_b", "c"],
      ["d.a", "b_c"],
      ["d.a", "b.c"],
      ["d.a", "b=2ec"],
      ["d.a.b", "c"],
      ["d.ü", "c"],
      ["d.=c3=bc", "c"],
    ] as const;
    const names = groups.map(([event, group]) => consumerOf(event, group));

    expect(new Set(names).size).toBe(groups.length);
    expect(consumerOf("orders.created", "billing")).toBe("created_billing");
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_=-]+$/);
  });

  test("the longest names fit, and stay apart", () => {
    const [long, other] = ["ü".repeat(200), `${"ü".repeat(199)}o`];

    expect(consumerOf(`${long}.${long}`, long).length).toBeLessThan(256);
    expect(consumerOf(`d.${long}`, "g")).not.toBe(consumerOf(`d.${other}`, "g"));
  });
});

test("what the URL says of streams is read, and what it can't say is refused", () => {
  expect(keepingOf("nats://a:1,b:2?replicas=3&insecure=true")).toEqual({ storage: "file", replicas: 3 });
  expect(keepingOf("nats://a?storage=memory")).toEqual({ storage: "memory", replicas: 1 });
  expect(serversOf("tls+nats://a:1,b:2?replicas=3")).toEqual(["a:1", "b:2"]);
  expect(() => keepingOf("nats://a?replicas=0")).toThrowError(expect.objectContaining({ code: "ERR_USAGE" }));
});

test("the place of a delivery is read from servers with and without domains", () => {
  const place = { stream: "events_o", attempt: 2, seq: 7, storedMs: 1_700_000_000_000 };

  expect(readPlace("$JS.ACK.events_o.a_g.2.7.9.1700000000000000000.0")).toEqual(place);
  expect(readPlace("$JS.ACK._.hash.events_o.a_g.2.7.9.1700000000000000000.0.random")).toEqual(place);
});

test("an event is put off by whole nanoseconds, and never for a shorter time", () => {
  expect(again(0)).toBe("-NAK");
  expect(again(0.25)).toBe('-NAK {"delay":1000000}');
});

test("faults that pass are told from those that somebody has to mend", () => {
  const api = (code: number) => Object.assign(new Error("says the server"), { name: "JetStreamApiError", code });

  expect(faultOf(new Error("timeout"))).toBeUndefined();
  expect(faultOf(api(10_008))).toBeUndefined();
  // It may be on again soon; only at the start it is missing for good.
  expect(faultOf(api(10_039))).toBeUndefined();
  expect(lacksJetStream(api(10_039))).toBe(true);
  expect(faultOf(api(10_077))).toMatchObject({ code: "ERR_OVERLOADED" });
  expect(faultOf(api(10_047))).toMatchObject({
    code: "ERR_OVERLOADED",
    hint: expect.stringContaining("max_file_store"),
  });
  expect(faultOf(api(10_058))).toMatchObject({ code: "ERR_ENGINE_UNFIT" });
});
