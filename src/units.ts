/** People, options and the wire count memory in MiB; systems, files and the dashboard in bytes. */
export const MIB_BYTES = 2 ** 20;
