import { readFileSync } from 'node:fs'

/*
 * Files of the project that the code reads when it runs. The URLs are relative to the folder that this module is in as a
 * source; the compiled code is one level below the root as well, in dist/.
 */

/** `migrations/`. */
export const migrationsUrl = new URL('../migrations/', import.meta.url)

/** The folder of the prepared data directories of `db/embedded-snapshot.ts`. */
export const snapshotsUrl = new URL('../dist/snapshots/', import.meta.url)

/** The operator's console, as the build has written it. */
export const consoleUrl = new URL('../dist/console/', import.meta.url)

/** Returns the version of this release. */
export const readVersion = (): string =>
  (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version
