/** How many stories a simulated world is told: all of them, or as few as ZCONTEXT_TEST_STORIES says (`npm run test:unit`). */
export function storiesUpTo(all: number): number {
  return Math.min(all, Number(process.env.ZCONTEXT_TEST_STORIES ?? all));
}
