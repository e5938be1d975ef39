import { expect, test } from "vitest";
import { deferred } from "../../../../src/deferred.ts";
import { createReading } from "../../../../tools/context-monitor/reading.ts";

/** Answers are given by hand; `changes` counts them. */
function begin() {
  const asked: { of: string; answer: ReturnType<typeof deferred<string>> }[] = [];
  const changed: string[] = [];
  const reading = createReading(
    (of: string) => {
      const answer = deferred<string>();
      asked.push({ of, answer });
      return answer.promise;
    },
    () => changed.push("changed"),
  );
  const answered = () => new Promise((resolve) => setImmediate(resolve));
  return { asked, changed, reading, answered };
}

test("the answer to an earlier question is dropped", async () => {
  const { asked, changed, reading, answered } = begin();
  reading.ask("one", { subject: "one", version: "1" });
  reading.ask("two", { subject: "two", version: "1" });
  asked[0]?.answer.resolve("of one");
  await answered();

  expect(reading.now).toEqual({});
  asked[1]?.answer.resolve("of two");
  await answered();
  expect(reading.now).toEqual({ answer: "of two" });
  expect(changed).toHaveLength(1);
});

test("what is known is shown while another version of it is read, and not of another subject", async () => {
  const { asked, reading, answered } = begin();
  reading.ask("one", { subject: "one", version: "1" });
  reading.ask("one", { subject: "one", version: "1" });
  asked[0]?.answer.resolve("first");
  await answered();
  reading.ask("one", { subject: "one", version: "2" });

  expect(asked).toHaveLength(2);
  expect(reading.now).toEqual({ answer: "first" });
  reading.ask("two", { subject: "two", version: "2" });
  expect(reading.now).toEqual({});
});

test("a reading that fails says why", async () => {
  const { asked, reading, answered } = begin();
  reading.ask("one", { subject: "one", version: "1" });
  asked[0]?.answer.reject(new Error("gone"));
  await answered();

  expect(reading.now).toEqual({ fault: "gone" });
});
