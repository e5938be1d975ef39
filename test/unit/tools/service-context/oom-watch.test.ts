import { expect, test } from "vitest";
import { watchOomKiller } from "../../../../tools/service-context/oom-watch.ts";

/** The files of a kernel that has counted so many. */
function kernel(counts: { group?: number; machine?: number }): (path: string) => string {
  return (path) => {
    if (path === "/proc/self/cgroup") return "0::/service\n";
    if (path === "/sys/fs/cgroup/service/memory.events" && counts.group !== undefined)
      return `oom 1\noom_kill ${counts.group}\n`;
    if (path === "/proc/vmstat" && counts.machine !== undefined) return `oom_kill ${counts.machine}\n`;
    throw new Error("ENOENT");
  };
}

test("the OOM killer is suspected when a count has risen, of the own control group first", () => {
  const counts = { group: 1, machine: 5 };
  using watch = watchOomKiller(kernel(counts));

  expect(watch.hasKilled()).toBeUndefined();
  counts.machine = 6;
  expect(watch.hasKilled()).toBe("machine");
  counts.group = 2;
  expect(watch.hasKilled()).toBe("group");
});

test("without counts it is not suspected", () => {
  using watch = watchOomKiller(kernel({}));

  expect(watch.hasKilled()).toBeUndefined();
});
