import { afterEach, describe, expect, test, vi } from "vitest";
import { askHub } from "../../../../src/hub/sign-in/ask-hub.ts";

const URL_OF_HUB = new URL("https://hub.example.org:8090/");
const REQUEST = { node: "box1", machine: "field7", tags: [], services: [] };
const ANSWER = { manifest: "manifest.json", com: { node: "box1" } };
const PASS = "of-this-test-alone";

afterEach(() => {
  vi.unstubAllGlobals();
});

function ask(answer: () => Response | Promise<Response>, url = URL_OF_HUB) {
  const fetching = vi.fn<typeof fetch>(async () => answer());
  vi.stubGlobal("fetch", fetching);
  const { signal } = new AbortController();
  return { fetching, answered: askHub(url, REQUEST, { user: "box1", pass: PASS, signal }) };
}

describe("a sign-in", () => {
  test("says who the node is, with its secret in the header alone", async () => {
    const { fetching, answered } = ask(() => Response.json(ANSWER));

    expect(await answered).toEqual(ANSWER);
    const [to, init] = fetching.mock.calls[0] ?? [];
    expect(String(to)).toBe("https://hub.example.org:8090/sign-in");
    expect(init).toMatchObject({ method: "POST", redirect: "manual", body: JSON.stringify(REQUEST) });
    expect(new Headers(init?.headers).get("authorization")).toBe(
      `Basic ${Buffer.from(`box1:${PASS}`).toString("base64")}`,
    );
  });

  test.each<[name: string, answer: () => Response, says: RegExp]>([
    ["does not know the secret", () => new Response("", { status: 401 }), /does not know the node box1/],
    ["has no such page", () => new Response("", { status: 404 }), /answers 404/],
    ["sends it elsewhere", () => new Response(null, { status: 302, headers: { location: "/x" } }), /answers 302/],
    ["answers no JSON", () => new Response("<html>"), /expected \{ manifest, com \}/],
    ["answers other JSON", () => Response.json({ manifest: 1 }), /expected \{ manifest, com \}/],
    ["answers without end", () => new Response(`"${"x".repeat(65_536)}"`), /expected \{ manifest, com \}/],
  ])("is refused by a hub that %s", async (_, answer, says) => {
    const error: unknown = await ask(answer).answered.catch((reason: unknown) => reason);

    expect(error).toMatchObject({ code: "ERR_SIGN_IN", message: expect.stringMatching(says) });
    expect(JSON.stringify(error) + String(error)).not.toContain(PASS);
  });

  test("says why a hub can't be reached", async () => {
    const { answered } = ask(() => Promise.reject(new TypeError("fetch failed", { cause: new Error("no route") })));

    await expect(answered).rejects.toMatchObject({ code: "ERR_SIGN_IN", message: expect.stringContaining("no route") });
  });

  test("sends no secret to another machine without TLS", async () => {
    const { fetching, answered } = ask(() => Response.json(ANSWER), new URL("http://hub.example.org/"));

    await expect(answered).rejects.toMatchObject({ code: "ERR_INSTALL_DOWNLOAD" });
    expect(fetching).not.toHaveBeenCalled();
  });
});
