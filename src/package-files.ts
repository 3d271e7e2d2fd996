/*
 * Files of the project that the code reads when it runs. The URLs are relative to the folder that this module is in as a
 * source; the compiled code is one level below the root as well, in dist/.
 */

/** `migrations/`. */
export const migrationsUrl = new URL('../migrations/', import.meta.url)

/** The folder of the prepared data directories of `db/embedded-snapshot.ts`. */
export const snapshotsUrl = new URL('../dist/snapshots/', import.meta.url)
