import { createHmac, randomBytes } from 'node:crypto'
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
  const existing = await findServerSecret(db, vault, purpose)
  if (existing) return existing
  const sealed = await vault.seal(new Secret(randomBytes(32).toString('base64url')), serverSecretContext(purpose))
  await db
    .insertInto('server_secrets')
    .values({ purpose, sealed })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const created = await findServerSecret(db, vault, purpose)
  if (!created) throw new Error(`The server secret for ${purpose} was removed while it was created.`)
  return created
}

/**
 * Returns what a server answers to a challenge: an HMAC-SHA-256 in base64url that only processes with the secret of this
 * installation, which its database holds, can compute.
 */
export const installationProof = (installation: Secret, challenge: string): string =>
  createHmac('sha256', installation.reveal()).update(challenge, 'utf8').digest('base64url')

/** Returns a secret that {@link serverSecret} has created, or null. */
export async function findServerSecret(db: Db, vault: Vault, purpose: string): Promise<Secret | null> {
  const row = await db.selectFrom('server_secrets').select('sealed').where('purpose', '=', purpose).executeTakeFirst()
  return row ? vault.open(row.sealed, serverSecretContext(purpose)) : null
}

/** Deletes a secret that {@link serverSecret} has created. The next call of that creates another one. */
export async function forgetServerSecret(db: Db, purpose: string): Promise<void> {
  await db.deleteFrom('server_secrets').where('purpose', '=', purpose).execute()
}
