// The lifecycle's promises, whatever happens and in whatever order. A counterexample is a story for `stateAfter`.
import fc from "fast-check";
import { expect, test } from "vitest";
import { isAtRest, type TaskState } from "../../../../src/protocol/task-state.ts";
import { stories } from "../../../support/stories.ts";
import { WORDS, type Word } from "./life.ts";
import { createWorld, type World } from "./process-table.ts";

// What a story is made of: what makes processes come and go is told more often.
const often: Word[] = [
  "start",
  "spawned",
  "started",
  "ready",
  "end",
  "crash",
  "crashAndBack",
  "killDue",
  "stop",
  "restart",
  "startLater",
  "backoffOver",
];
const story = fc.array(fc.constantFrom(...WORDS, ...often), { maxLength: 120, size: "max" });

/** A world in which the story has happened, as far as the world let it. */
function worldAfter(words: readonly Word[], onStep: (world: World) => void = () => {}): World {
  const world = createWorld();
  for (const word of words) {
    if (!world.isPossible(word)) continue;
    world.step(word);
    onStep(world);
  }
  return world;
}

// A bound for a machine that is busy, as in vitest.config.ts.
const timeout = 300_000;

test("no order of events makes two processes of a task, leaks a timer or fires a trigger twice in a run", {
  timeout,
}, () => {
  const lengths: number[] = [];
  const seen = new Set<TaskState>();

  fc.assert(
    fc.property(story, (words) => {
      let length = 0;
      worldAfter(words, ({ standing }) => {
        length += 1;
        seen.add(standing.state);
      });
      lengths.push(length);
    }),
    { numRuns: stories(1_000) },
  );

  expect(Math.max(...lengths)).toBeGreaterThanOrEqual(60); // the stories are worth telling
  expect(seen.size).toBe(12);
});

test("a stop ends at rest with no process and no timer, wherever it comes", { timeout }, () => {
  fc.assert(
    fc.property(story, (words) => {
      const world = worldAfter(words);

      world.step("stop");
      world.comeToRest();

      expect(isAtRest(world.standing.state)).toBe(true);
      expect(world.process).toBe("none");
      expect(world.armed.size).toBe(0);
    }),
    { numRuns: stories(400) },
  );
});

test("a start that is not stopped leads to a run, wherever it comes", { timeout }, () => {
  fc.assert(
    fc.property(story, (words) => {
      const world = worldAfter(words);
      const { run, requested } = world.standing.life;
      const isNeeded = requested || !["starting", "running"].includes(world.standing.state);

      world.step("start");
      world.comeToRest();

      expect(world.isWanted).toBe(false);
      expect(world.standing.life.run).toBe(isNeeded ? run + 1 : run);
    }),
    { numRuns: stories(400) },
  );
});
