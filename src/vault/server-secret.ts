import { randomBytes } from 'node:crypto'
import type { Db } from '../db/database.ts'
import { Secret } from './secret.ts'
import type { SealingContext, Vault } from './vault.ts'

/** Returns the sealing context of a server secret. */
export function serverSecretContext(purpose: string): SealingContext {
  return { environmentId: 'server', subject: purpose, field: 'server_secret', version: 1 }
}

/**
 * Returns the server's own secret for one purpose (an HMAC pepper, a signing key): 32 random bytes in base64url. The first
 * call creates it; all nodes share it.
 */
export async function serverSecret(db: Db, vault: Vault, purpose: string): Promise<Secret> {
  const stored = () =>
    db.selectFrom('server_secrets').select('sealed').where('purpose', '=', purpose).executeTakeFirst()
  let row = await stored()
  if (!row) {
    const sealed = await vault.seal(new Secret(randomBytes(32).toString('base64url')), serverSecretContext(purpose))
    await db
      .insertInto('server_secrets')
      .values({ purpose, sealed })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    row = await stored()
  }
  if (!row) throw new Error(`The server secret for ${purpose} was removed while it was created.`)
  return vault.open(row.sealed, serverSecretContext(purpose))
}
