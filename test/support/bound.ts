/** Ends a wait that is in vain, so that its test fails with a word of what it waited for. A busy machine is ten times slower. */
export const BOUND_MS = 120_000;

/** For clients of tests: their own bounds are for users, who want to hear soon that no provider answers. */
export const PATIENT = { timeoutMs: BOUND_MS, answerMs: BOUND_MS };
