// Checked by `npm run types`: what a test of a task may write, and what the compiler must refuse.
import { defineTask } from "zcontext/tasks";
import { rehearse } from "zcontext/testing";

const strict = defineTask<{ device: string; unit?: string }>({ kind: "single", run() {} });
const lenient = defineTask<{ unit?: string }>({ kind: "single", run() {} });
const free = defineTask({ kind: "single", run() {} });

const { announcements, published, printed, error } = await rehearse(strict, {
  configuration: { device: "/dev/null" },
  rounds: 2,
  signal: AbortSignal.timeout(1),
  hears: [{ action: "failed", serviceId: "ts001", serviceName: "other", status: {} }],
});
announcements.map(({ action, status }) => [action.length, status.result]);
published.map(({ topic, content }) => [topic.length, content.celsius]);
printed.map((text) => text.length);
// @ts-expect-error: anything may have been thrown
error.message;

// @ts-expect-error: the configuration is needed
await rehearse(strict);
// @ts-expect-error: the configuration is needed
await rehearse(strict, { rounds: 1 });
// @ts-expect-error: every leaf is text
await rehearse(strict, { configuration: { device: 1 } });
// @ts-expect-error: not in the configuration
await rehearse(strict, { configuration: { device: "", interval: "5" } });

await rehearse(lenient);
await rehearse(lenient, { configuration: { unit: "K" } });
// @ts-expect-error: every leaf is text
await rehearse(lenient, { configuration: { unit: 1 } });

await rehearse(free);
await rehearse(free, { configuration: { anything: ["a"] } });
// @ts-expect-error: not an option
await rehearse(free, { turns: 2 });
