/** Ends a wait that is in vain, so that its test fails with a word of what it waited for. A busy machine is ten times slower. */
export const BOUND_MS = 120_000;
