// The spans of time that the charts offer. Pure.

/** A stretch of time up to now. */
export interface Span {
  name: string;
  ms: number;
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export const FIRST_SPAN: Span = { name: "5 min", ms: 300_000 };
/** Offered for every provider. */
export const SHORT_SPANS: readonly Span[] = [FIRST_SPAN, { name: "1 h", ms: HOUR_MS }];
/** Offered only for a provider that keeps a history. */
export const LONG_SPANS: readonly Span[] = [
  { name: "6 h", ms: 6 * HOUR_MS },
  { name: "1 d", ms: DAY_MS },
  { name: "7 d", ms: 7 * DAY_MS },
];
