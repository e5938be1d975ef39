/** The fields of a log line; a name ends in the unit of its value. */
export interface LogFields {
  [name: string]: unknown;
}

/** A logger: fields first, then a constant phrase, as pino has it. */
export interface Log {
  debug(fields: LogFields, phrase: string): void;
  info(fields: LogFields, phrase: string): void;
  warn(fields: LogFields, phrase: string): void;
  error(fields: LogFields, phrase: string): void;
}

const nothing = () => {};

/** Discards everything. */
export const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
