// The sums of what members say of themselves, over their ends and beyond the number of those that are kept.
import { expect, test } from "vitest";
import { createCollectedFigures } from "../../../src/messaging/remote/collected-figures.ts";
import { createMemberFigures } from "../../../src/messaging/remote/member-figures.ts";

const NO_CALLS = { waiting: 0, running: 0 };

/** What a member of the service `shop` says that has emitted so many events. */
function wordOf(count: number) {
  const figures = createMemberFigures("context/shop/1");
  for (let n = 0; n < count; n += 1) figures.sent("event", "orders.created");
  figures.listens("orders.created", "g", true);
  return figures.figures([], NO_CALLS);
}

const sentIn = ({ senders }: ReturnType<ReturnType<typeof createCollectedFigures>["sum"]>) =>
  senders.reduce((sum, { sent }) => sum + sent, 0);

test("a member that has ended counts no more as a member, and what it has counted stays", () => {
  const collected = createCollectedFigures();
  collected.add("one", wordOf(3), 0);
  collected.add("two", wordOf(4), 20_000);

  const sum = collected.sum(20_000);

  expect(sum).toMatchObject({ members: 1, groups: [{ services: ["shop"] }] });
  expect(sentIn(sum)).toBe(7);
});

test("no sum gets smaller, however many members have come and gone", () => {
  const collected = createCollectedFigures();
  for (let life = 0; life < 3_000; life += 1) collected.add(`life ${life}`, wordOf(1), life * 100);

  const sum = collected.sum(300_000);

  expect(sentIn(sum)).toBe(3_000);
  expect(sum.members).toBe(149);
  expect(sum.senders).toHaveLength(1);
});

test("one that was taken for ended and speaks again is a member, and nothing of it counts twice", () => {
  const collected = createCollectedFigures();
  collected.add("slow", wordOf(5), 0);
  for (let life = 0; life < 1_000; life += 1) collected.add(`life ${life}`, wordOf(1), 20_000);
  collected.add("slow", wordOf(6), 20_000);

  const sum = collected.sum(20_000);

  expect(sum.members).toBe(1_001);
  expect(sentIn(sum)).toBe(1_005);
});

test("of more than a thousand members the number is right, and one counts once there is room for it", () => {
  const collected = createCollectedFigures();
  for (let life = 0; life < 1_200; life += 1) collected.add(`life ${life}`, wordOf(1), 0);
  expect(collected.sum(0).members).toBe(1_200);
  expect(sentIn(collected.sum(0))).toBe(1_000);
  for (let life = 1_000; life < 1_200; life += 1) collected.add(`life ${life}`, wordOf(2), 20_000);

  const sum = collected.sum(20_000);

  expect(sum.members).toBe(200);
  expect(sentIn(sum)).toBe(1_400);
});
