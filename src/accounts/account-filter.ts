import { type RawBuilder, sql } from 'kysely'
import type { Narrowing } from '../environments/narrowing.ts'
import type { AccountMetadata, ConnectedAccount } from './connected-account.ts'
import { containsJson } from './metadata.ts'
import type { AccountStatus } from './status.ts'

/** Which accounts to list. An absent field does not restrict the list. */
export interface AccountFilter {
  readonly connectionName?: string | null | undefined
  readonly identifier?: string | null | undefined
  /** The start of the identifier. */
  readonly identifierPrefix?: string | null | undefined
  readonly status?: readonly AccountStatus[] | null | undefined
  /** What the metadata contains. */
  readonly metadata?: AccountMetadata | null | undefined
  readonly workspaceId?: string | null | undefined
  /** The start of the workspace's name, in upper or lower case. */
  readonly workspaceName?: string | null | undefined
  /** The start of the email address of the provider's user, in upper or lower case. */
  readonly ownerEmail?: string | null | undefined
  /** The caller's narrowing. */
  readonly within?: Narrowing
}

/** Whether a filter searches for accounts, other than by their connection, identifier and status. */
export const isSearch = ({
  identifierPrefix,
  metadata,
  workspaceId,
  workspaceName,
  ownerEmail,
}: AccountFilter): boolean =>
  [identifierPrefix, workspaceId, workspaceName, ownerEmail].some((value) => value != null) ||
  (metadata != null && Object.keys(metadata).length > 0)

/**
 * Returns the conditions of a search on `connected_accounts`. With `by: 'index'` each can be looked up in an index. With
 * `by: 'row'` none can, so that the rows of another index stay in its order and each is compared.
 */
export function searchConditions(
  { identifierPrefix, metadata, workspaceId, workspaceName, ownerEmail }: AccountFilter,
  environmentId: string,
  by: 'index' | 'row',
): readonly RawBuilder<boolean>[] {
  const conditions: RawBuilder<boolean>[] = []
  if (identifierPrefix != null) conditions.push(sql`identifier like ${prefixPattern(identifierPrefix)}`)
  if (metadata != null && Object.keys(metadata).length > 0)
    // The first condition is that of the index.
    conditions.push(sql`metadata <> '{}'`, sql`metadata @> ${JSON.stringify(metadata)}::jsonb`)
  const ofGrant: RawBuilder<boolean>[] = []
  if (workspaceId != null) ofGrant.push(sql`workspace_id = ${workspaceId}`)
  if (workspaceName != null) ofGrant.push(sql`lower(workspace_name) like lower(${prefixPattern(workspaceName)})`)
  if (ownerEmail != null) ofGrant.push(sql`lower(owner_email) like lower(${prefixPattern(ownerEmail)})`)
  if (ofGrant.length > 0) {
    const matching = sql.join([sql`grants.environment_id = ${environmentId}`, ...ofGrant], sql` and `)
    conditions.push(
      by === 'index'
        ? sql`grant_id in (select grants.id from grants where ${matching})`
        : // Not `exists`, which is planned as a join with all grants that match.
          sql`(select true from grants where grants.id = grant_id and ${matching} limit 1)`,
    )
  }
  return by === 'index' ? conditions : conditions.map((condition) => sql`(${condition}) is true`)
}

/** A pattern of LIKE for strings that start with this one. */
const prefixPattern = (start: string) => `${start.replaceAll(/[\\%_]/g, '\\$&')}%`

/** Whether an account matches all fields of a filter other than the narrowing. `status` is the one to compare. */
export function matchesFilter(account: ConnectedAccount, status: AccountStatus, filter: AccountFilter): boolean {
  const { grant } = account
  const startsWith = (text: string | null | undefined, start: string | null | undefined) =>
    start == null || (text?.toLowerCase().startsWith(start.toLowerCase()) ?? false)
  return (
    (filter.connectionName == null || filter.connectionName === account.connectionName) &&
    (filter.identifier == null || filter.identifier === account.identifier) &&
    (filter.identifierPrefix == null || account.identifier.startsWith(filter.identifierPrefix)) &&
    (filter.status == null || filter.status.includes(status)) &&
    (filter.metadata == null || containsJson(account.metadata, filter.metadata)) &&
    (filter.workspaceId == null || filter.workspaceId === grant?.workspaceId) &&
    startsWith(grant?.workspaceName, filter.workspaceName) &&
    startsWith(grant?.ownerEmail, filter.ownerEmail)
  )
}
