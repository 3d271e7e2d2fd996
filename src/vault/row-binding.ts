import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from './secret.ts'
import { VaultError } from './vault-error.ts'

/*
 * Bindings protect the rows that decide against a writer of the database who does not have the vault's keys: each has an
 * HMAC over the columns that decide, which is checked where they are read. They do not protect against a row that is
 * restored as a whole, with its binding, to an earlier state, nor against deleted rows.
 */

/** The tables whose rows are bound. */
export type BoundTable =
  | 'api_keys'
  | 'environment_policies'
  | 'oauth_apps'
  | 'grants'
  | 'connected_accounts'
  | 'authorization_flows'

/** The values of the columns that decide, in an order that never changes. The first one is the row's id. */
export type BoundValues = readonly [
  id: string,
  ...(string | number | boolean | null | undefined | Date | readonly (string | null)[])[],
]

/** Returns the binding of a row: an HMAC-SHA-256 (RFC 2104) in base64url. Times count in milliseconds. */
export function bindingOf(key: Secret, table: BoundTable, values: BoundValues): string {
  return createHmac('sha256', key.reveal())
    .update(JSON.stringify([table, ...values]), 'utf8')
    .digest('base64url')
}

/** Whether a row is as this server wrote it. Compares in constant time. */
export function isBound(key: Secret, table: BoundTable, values: BoundValues, binding: string | null): boolean {
  const expected = Buffer.from(bindingOf(key, table, values))
  const found = Buffer.from(binding ?? '')
  return found.length === expected.length && timingSafeEqual(found, expected)
}

/** Throws a `not_bound` VaultError when a row is not as this server wrote it. It is never repaired: the caller must not use it. */
export function requireBound(key: Secret, table: BoundTable, values: BoundValues, binding: string | null): void {
  if (!isBound(key, table, values, binding)) throw notBound(table, values[0])
}

/** The error for a row that is not as this server wrote it, for logs. */
export function notBound(table: BoundTable, id: string): VaultError {
  return new VaultError(
    'not_bound',
    `The row ${id} of ${table} does not match its binding: another program, or a node of release 0.1, wrote it.`,
  )
}
