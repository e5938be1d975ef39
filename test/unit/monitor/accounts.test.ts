import { describe, expect, test } from "vitest";
import { createAccounts } from "../../../src/monitor/accounts.ts";
import type { ChildFigures, ProcessFigures } from "../../../src/monitor/figures.ts";

const usage = { rss: 1, percent: 1, cpu_percent: 0, vms: 1, threads: 1, status: "sleeping" };

function times(user: number, system = 0, start = 100) {
  return { create_time: start, cpu_times: { user, system } };
}

function task(
  pid: number,
  used: ReturnType<typeof times>,
  ...children: ChildFigures[]
): ProcessFigures & { pid: number } {
  return { pid, ...usage, ...used, children, elapsed: 0, serviceId: "", timestamp: 0 };
}

function child(pid: number, used: ReturnType<typeof times>): ChildFigures {
  return { pid, ppid: 1, ...usage, ...used };
}

describe("what a transaction has used", () => {
  test("is the CPU of all its processes, children included", () => {
    const accounts = createAccounts();

    expect(accounts.add("T1", [task(1, times(2, 1), child(2, times(0.5))), task(3, times(4))])).toEqual({
      cpu_s: 7.5,
      approximate: false,
    });
  });

  test("counts a process once that could not be read for a while", () => {
    const accounts = createAccounts();
    accounts.add("T1", [task(1, times(2), child(2, times(3)))]);

    expect(accounts.add("T1", [])).toEqual({ cpu_s: 5, approximate: true });
    expect(accounts.add("T1", [task(1, times(2.5), child(2, times(3)))])).toEqual({ cpu_s: 5.5, approximate: false });
    expect(accounts.add("T1", [])).toEqual({ cpu_s: 5.5, approximate: true });
  });

  test("keeps what a process used that has gone, and says that it may be less than it was", () => {
    const accounts = createAccounts();
    accounts.add("T1", [task(1, times(2), child(2, times(3)))]);

    expect(accounts.add("T1", [task(1, times(2.5))])).toEqual({ cpu_s: 5.5, approximate: true });
    expect(accounts.add("T1", [])).toEqual({ cpu_s: 5.5, approximate: true });
  });

  test("counts another process under the same pid as another", () => {
    const accounts = createAccounts();
    accounts.add("T1", [task(1, times(2, 0, 100))]);

    expect(accounts.add("T1", [task(1, times(0.1, 0, 200))])).toEqual({ cpu_s: 2.1, approximate: true });
  });

  test("is nothing that another transaction has used, nor one that is over", () => {
    const accounts = createAccounts();
    accounts.add("T1", [task(1, times(2))]);
    accounts.add("T2", [task(2, times(3))]);

    accounts.keepOnly(new Set(["T2"]));

    expect(accounts.add("T1", [])).toEqual({ cpu_s: 0, approximate: false });
    expect(accounts.add("T2", [task(2, times(4))])).toEqual({ cpu_s: 4, approximate: false });
  });

  test("is unknown, and so nothing, where there is no process table", () => {
    const { rss, percent, cpu_percent } = usage;
    const bare = { pid: 1, rss, percent, cpu_percent, elapsed: 0, serviceId: "", timestamp: 0 };

    expect(createAccounts().add("T1", [bare])).toEqual({ cpu_s: 0, approximate: false });
  });
});
