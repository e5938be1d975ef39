// Runs before each test file: what property tests draw is the same in every run, so that one that passes does so again.
// ZCONTEXT_TEST_SEED is another seed, or `random`.
import fc from "fast-check";

const { ZCONTEXT_TEST_SEED: seed = "1" } = process.env;
if (seed !== "random") fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
