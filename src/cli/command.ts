import type { Db } from '../db/database.ts'
import { findEnvironmentId } from '../environments/environment-store.ts'

/** Writes one line to the terminal. A promise resolves when another line may be written: the reader may be slower. */
export type Print = (line: string) => unknown

/** The command line is invalid. The message states what the command requires. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Returns the ID of the environment. Throws {@link UsageError} for an unknown name: a mistyped name must not create one. */
export async function requireEnvironment(db: Db, name: string): Promise<string> {
  const id = await findEnvironmentId(db, name)
  if (id === null) throw new UsageError(`unknown environment "${name}"`)
  return id
}
