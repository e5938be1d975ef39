import { describe, expect, test } from "vitest";
import { FIGURES_ONLY, readPublicationRequest, readTopOptions } from "../../../src/protocol/query.ts";

describe("what a top request asks for", () => {
  test.each([undefined, null, "yes", [], {}, { memory_maps: false }])("is nothing but figures by %j", (options) => {
    expect(readTopOptions(options)).toEqual(FIGURES_ONLY);
  });

  test.each([true, 1, "1", "true", "yes", " on "])("is a list that is %j", (value) => {
    expect(readTopOptions({ opened_files: value })).toEqual({ ...FIGURES_ONLY, opened_files: true });
  });

  test.each([false, 0, "", "0", "false", "No", "off", null, {}])("is no list that is %j", (value) => {
    expect(readTopOptions({ open_connections: value })).toEqual(FIGURES_ONLY);
  });
});

describe("the publication that a top request asks for", () => {
  const endpoint = "tcp://127.0.0.1:6558";

  test.each([undefined, null, {}, { service: null }, [], "pub"])("is none by %j", (configuration) => {
    expect(readPublicationRequest(configuration)).toBeUndefined();
  });

  test("begins with type pub, and ends with type none", () => {
    const wanted = { endpoint, periodMs: 2_500 };

    expect(readPublicationRequest({ service: { type: "pub", frequency_s: 2.5, endpoint } })).toEqual({
      isWanted: true,
      ...wanted,
    });
    expect(readPublicationRequest({ service: { type: "none", frequency_s: "2.5", endpoint } })).toEqual({
      isWanted: false,
      ...wanted,
    });
  });

  test.each([
    [{ endpoint }, 1_000],
    [{ endpoint, frequency_s: 0.01 }, 1_000],
    [{ endpoint, frequency_s: "often" }, 1_000],
    [{ endpoint, frequency_s: 1e12 }, 86_400_000],
  ])("of %j comes every %i ms", (service, periodMs) => {
    expect(readPublicationRequest({ service })).toMatchObject({ isWanted: true, periodMs });
  });

  test.each([
    [{}, "service.endpoint: expected tcp://127.0.0.1:PORT, got null"],
    [{ endpoint: 6558 }, "service.endpoint: expected tcp://127.0.0.1:PORT, got 6558"],
    [{ endpoint: "ipc:///run/figures" }, 'service.endpoint: expected tcp://127.0.0.1:PORT, got "ipc:///run/figures"'],
    [
      { endpoint: "tcp://127.0.0.1:65536" },
      'service.endpoint: expected tcp://127.0.0.1:PORT, got "tcp://127.0.0.1:65536"',
    ],
    [{ endpoint: `tcp://${"x".repeat(256)}:6558` }, expect.stringMatching(/ got "tcp:\/\/x{93}$/)],
    [{ endpoint, type: "rep" }, 'service.type: expected pub, or none to end it, got "rep"'],
  ])("can't be %j", (service, message) => {
    expect(() => readPublicationRequest({ service })).toThrow(
      expect.objectContaining({ code: "ERR_MESSAGE_MALFORMED", message }),
    );
  });
});
