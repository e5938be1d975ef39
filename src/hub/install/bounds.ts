// What installing a service takes at most. A manifest or an archive that asks for more is refused. Pure.

const MIB = 2 ** 20;

export const MAX_MANIFEST_BYTES = MIB;
export const MAX_ARCHIVE_BYTES = 64 * MIB;
/** All files of a service together, and the headers between them. */
export const MAX_UNPACKED_BYTES = 256 * MIB;
export const MAX_ENTRIES = 10_000;
export const MAX_PATH_CHARACTERS = 240;
export const MAX_SERVICES = 200;
/** After which a new version that has not said that it is ready is rolled back. */
export const READY_MS = 30_000;
/** After which a download ends that brings no bytes. */
export const STALLED_MS = 30_000;
/** After which one ends that brings them too slowly. */
export const MAX_DOWNLOAD_MS = 15 * 60_000;
