import { type Actor, recordAudit } from '../audit/audit-log.ts'
import type { Trx } from '../db/database.ts'
import type { AccountMetadata, ConnectedAccount } from './connected-account.ts'

/** Records that an account has new metadata. `before` is absent when the account was created with it. */
export function auditMetadata(
  trx: Trx,
  actor: Actor,
  account: Pick<ConnectedAccount, 'id' | 'environmentId' | 'connectionName' | 'identifier'>,
  metadata: AccountMetadata,
  before?: AccountMetadata,
): Promise<void> {
  const { id, environmentId, connectionName, identifier } = account
  const name = { connectionName, identifier }
  return recordAudit(trx, actor, {
    environmentId,
    action: 'account.updated',
    target: `ConnectedAccount:${id}`,
    ...(before && { before: { ...name, metadata: before } }),
    after: { ...name, metadata },
  })
}

/**
 * Whether a JSON value contains another one, as `@>` of Postgres: an object contains the members of the other, a list
 * contains each item of the other, in any order, and other values are equal.
 */
export function containsJson(value: unknown, part: unknown): boolean {
  if (Array.isArray(part))
    return Array.isArray(value) && part.every((item) => value.some((member) => containsJson(member, item)))
  if (typeof part !== 'object' || part === null) return value === part
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(part).every(
    ([key, member]) => Object.hasOwn(value, key) && containsJson((value as AccountMetadata)[key], member),
  )
}
