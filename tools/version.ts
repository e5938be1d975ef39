/** Defined by scripts/build.mjs. */
declare const ZCONTEXT_VERSION: string | undefined;

/** The version of this package; `0.0.0` where it runs from its sources. */
export const VERSION = typeof ZCONTEXT_VERSION === "string" ? ZCONTEXT_VERSION : "0.0.0";
