/** Facts of a log line, by name; units stand in the name. */
export interface LogFields {
  [name: string]: unknown;
}

/** Where a program's log lines go: facts first, then a constant phrase. pino's loggers have this shape. */
export interface Log {
  debug(fields: LogFields, phrase: string): void;
  info(fields: LogFields, phrase: string): void;
  warn(fields: LogFields, phrase: string): void;
  error(fields: LogFields, phrase: string): void;
}

const nothing = () => {};

/** Keeps nothing. */
export const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
