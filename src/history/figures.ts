// The figures of a transaction, as they are kept and shown. Types only: the page of the dashboard is built from them as
// well.

/** The figures of a transaction at one moment, by task: percent of one core, and bytes, of the whole tree. */
export interface Figures {
  transaction: string;
  atMs: number;
  tasks: { readonly [task: string]: readonly [cpuPercent: number, residentBytes: number] };
}

/** `/api/history`: rows of equal length; `null` where a task had no process. */
export interface History {
  timesMs: readonly number[];
  tasks: {
    readonly [task: string]: { cpuPercent: readonly (number | null)[]; residentBytes: readonly (number | null)[] };
  };
}
