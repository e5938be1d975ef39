import { expect, test } from "vitest";
import { environmentOf, speakerIn } from "../../../../src/protocol/environment.ts";
import { announcementOf } from "../../../../tools/zcontext/announcement.ts";

const SPEAKER = {
  ...{ publish: "tcp://127.0.0.1:1", transaction: "T1", serviceId: "ts_1", serviceName: "backup" },
  ...{ deviceAction: "backs_up", incarnation: "one" },
};

test("an announcement has the names of its task, and its items as text or as JSON", () => {
  expect(announcementOf(SPEAKER, "updated", ["n=1", "why=a=b", "list:=[1, 2]", "empty="])).toEqual({
    kind: "control",
    header: { action: "updated", serviceId: "ts_1", serviceName: "backup", transaction: "T1", incarnation: "one" },
    status: { n: "1", why: "a=b", list: [1, 2], empty: "", device_action: "backs_up", result: "success" },
  });
  expect(announcementOf(SPEAKER, "failed", []).status.result).toBe("failure");
});

test.each([
  ["updatd", [], 'got "updatd"; did you mean "updated"?'],
  ["updated", ["n"], 'expected name=text or name:=json, got "n"'],
  ["updated", ["=1"], 'got "=1"'],
  ["updated", ["n:=[1"], "n:=: expected JSON, got the end of the text at line 1, column 3"],
  ["updated", ["result=fine"], "result can't be announced"],
])("%s %j is refused", (word, items, reason) => {
  expect(() => announcementOf(SPEAKER, word, items)).toThrow(expect.objectContaining({ code: "ERR_USAGE" }));
  expect(() => announcementOf(SPEAKER, word, items)).toThrow(reason);
});

test("a program knows who it speaks as from its environment, and that it is no task", () => {
  const { publish, ...names } = SPEAKER;
  const assignment = {
    ...{ ...names, endpoints: { publish, subscribe: "tcp://127.0.0.1:2" }, contextId: "", instance: "Backup" },
    ...{ topic: "process", configuration: {} },
  };
  const environment = environmentOf(assignment, { incarnation: "one", graceMs: 1 });

  expect(speakerIn(environment)).toEqual(SPEAKER);
  expect(speakerIn({ ...environment, ZCONTEXT_INCARNATION: undefined })).toBeUndefined();
});
