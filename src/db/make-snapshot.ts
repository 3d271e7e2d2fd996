import { makeSnapshot } from './embedded-snapshot.ts'

/** Prepares the embedded database, as a step of the build. */
await makeSnapshot()
