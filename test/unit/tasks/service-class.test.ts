import { describe, expect, test } from "vitest";
import { CustomService, defineTask, type RequestScope } from "../../../src/tasks/define.ts";
import { rehearse } from "../../../src/tasks/rehearsal/rehearse.ts";

const done: unknown[] = [];

class Printer extends CustomService<{ paper: string }> {
  pages = 0;
  Start() {
    done.push(["Start", this.configuration.paper]);
  }
  Stop() {
    done.push(["Stop", this.pages]);
  }
  inherited() {
    return "inherited";
  }
  print(count: number) {
    this.pages += count;
    return this.pages;
  }
}

class Mailer extends Printer {
  static override actions = ["SendEmail", "print"];
  Process(message: unknown) {
    done.push(["Process", message]);
  }
  StateUpdate(state: unknown) {
    done.push(["StateUpdate", state]);
  }
  async SendEmail({ to }: { to: string }, { source }: RequestScope<unknown>) {
    this.debug(`to ${to}`);
    await this.submitAction("log", "Sent", to);
    return source;
  }
  undeclared() {}
  _private() {}
}

describe("a service as a class", () => {
  test("does at its start, its stop and for others what its methods of those names do", async () => {
    done.length = 0;

    const { printed, submitted } = await rehearse(defineTask(Mailer), {
      ...{ configuration: { paper: "A4" }, serviceName: "mailer" },
      beside: { log: { actions: { Sent() {} } } },
      async plays(stage) {
        await stage.ask("Process", 1);
        await stage.ask("StateUpdate", { desired: 2 });
        expect(await stage.ask("print", 3)).toBe(3);
        expect(await stage.ask("SendEmail", { to: "a@b" })).toBe("stage");
      },
    });

    expect(done).toEqual([
      ["Start", "A4"],
      ["Process", 1],
      ["StateUpdate", { desired: 2 }],
      ["Stop", 3],
    ]);
    expect(printed).toEqual(["[mailer] DEBUG: to a@b"]);
    expect(submitted).toEqual([{ destination: "log", action: "Sent", message: "a@b" }]);
  });

  test.each(["undeclared", "inherited", "_private", "constructor", "scope", "pages", "submitAction", "asTask"])(
    "keeps %s for itself",
    async (name) => {
      await rehearse(defineTask(Mailer), {
        configuration: { paper: "A4" },
        plays: (stage) => expect(stage.ask(name)).rejects.toMatchObject({ code: "ERR_ACTION_UNKNOWN" }),
      });
    },
  );

  test("runs once more with another scope", async () => {
    const task = defineTask(Mailer);
    done.length = 0;

    for (const paper of ["A4", "A5"])
      await rehearse(task, { configuration: { paper }, plays: async (stage) => void (await stage.ask("Start")) });

    const stopped = ["Stop", 0];
    const started = ["A4", "A5"].map((paper) => ["Start", paper]);
    expect(done).toEqual(started.flatMap((start) => [start, start, stopped]));
  });

  test("that declares an action it does not have is refused by name", () => {
    class Wrong extends CustomService {
      static override actions = ["SendMail"];
    }

    expect(() => defineTask(Wrong)).toThrow("Wrong: static actions names SendMail, which is no method of it");
  });

  test("has no scope before it is started", () => {
    class Eager extends CustomService {
      readonly paper = this.configuration;
    }

    expect(() => defineTask(Eager)).toThrow("Eager: it has no scope before it is started");
  });
});
