/** Options, messages and tables give memory in MiB; the system, files and the dashboard in bytes. */
export const MIB_BYTES = 2 ** 20;
