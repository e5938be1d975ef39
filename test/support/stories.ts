/**
 * How many stories a simulated world is told. Each run tells others, so few of them are enough for a change that is about
 * something else; ZCONTEXT_TEST_STORIES multiplies them, for a change of what they are about.
 */
export function stories(usual: number): number {
  return Math.ceil(usual * Number(process.env.ZCONTEXT_TEST_STORIES ?? 1));
}
