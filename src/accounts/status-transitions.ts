import DataLoader from 'dataloader'
import { type Selectable, sql } from 'kysely'
import type { Actor } from '../audit/audit-log.ts'
import type { Db, Trx } from '../db/database.ts'
import type { StatusTransitionsTable } from '../db/tables.ts'
import type { AccountEvent } from '../events/status-events.ts'
import type { StatusTransition } from './connected-account.ts'
import type { AccountStatus, StatusReason } from './status.ts'

/** A change of one account's status. */
export interface StatusChange {
  readonly environmentId: string
  readonly accountId: string
  readonly to: AccountStatus
  readonly reason: StatusReason
  readonly actor: Actor
}

/**
 * Changes an account's status and records the transition. Holds the account's row until the transaction ends, though not
 * against what refers to it, so that calls of the account are journaled meanwhile. Returns the event to publish after the
 * commit, or null when nothing changed: the account is gone, its status is not one of `from` (where that is given), or it
 * has this status for this reason already.
 */
export async function changeStatus(
  trx: Trx,
  change: StatusChange & { readonly from?: readonly AccountStatus[] },
): Promise<AccountEvent | null> {
  const current = await trx
    .selectFrom('connected_accounts')
    .select(['status', 'status_reason'])
    .where('environment_id', '=', change.environmentId)
    .where('id', '=', change.accountId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!current) return null
  if (change.from && !change.from.includes(current.status)) return null
  if (current.status === change.to && current.status_reason === change.reason) return null
  await trx
    .updateTable('connected_accounts')
    .set({ status: change.to, status_reason: change.reason })
    .where('environment_id', '=', change.environmentId)
    .where('id', '=', change.accountId)
    .execute()
  return recordTransition(trx, current.status, change)
}

/** Records a transition that the caller makes. Returns the event to publish after the commit. */
export async function recordTransition(
  trx: Trx,
  from: AccountStatus | null,
  { environmentId, accountId, to, reason, actor }: StatusChange,
): Promise<AccountEvent> {
  const { id } = await trx
    .insertInto('status_transitions')
    .values({
      environment_id: environmentId,
      account_id: accountId,
      from_status: from,
      to_status: to,
      reason,
      actor: actor.name,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { environmentId, accountId, transitionId: id }
}

/** Which transitions of an account to list: at most `limit`, older than the sequence number `before`. */
export interface TransitionPage {
  readonly environmentId: string
  readonly accountId: string
  readonly limit: number
  readonly before: number | null
}

/** Returns the transitions of each page, newest first. One query, whatever the number of accounts and environments. */
export async function listTransitions(
  db: Db,
  pages: readonly TransitionPage[],
): Promise<readonly (readonly StatusTransition[])[]> {
  const column = (name: keyof TransitionPage) => pages.map((page) => page[name])
  const rows = await db
    .selectFrom(
      sql<{ environment_id: string; account_id: string; max: number; before: number | null; position: number }>`
        unnest(${column('environmentId')}::uuid[], ${column('accountId')}::uuid[], ${column('limit')}::int[],
          ${column('before')}::bigint[]) with ordinality`.as<'page'>(
        sql`page (environment_id, account_id, max, before, position)`,
      ),
    )
    .innerJoinLateral(
      (query) =>
        query
          .selectFrom('status_transitions')
          .selectAll()
          .whereRef('status_transitions.environment_id', '=', 'page.environment_id')
          .whereRef('status_transitions.account_id', '=', 'page.account_id')
          .where('status_transitions.sequence', '<', sql<number>`coalesce(page.before, ${maxSequence}::bigint)`)
          .orderBy('status_transitions.sequence', 'desc')
          .limit(sql<number>`page.max`)
          .as('transition'),
      (join) => join.onTrue(),
    )
    .selectAll('transition')
    .select('page.position')
    .orderBy('transition.sequence', 'desc')
    .execute()
  const lists = pages.map((): StatusTransition[] => [])
  for (const row of rows) lists[row.position - 1]?.push(toTransition(row))
  return lists
}

/** Above every sequence number, so that a page without `before` uses the index as well. */
const maxSequence = '9223372036854775807'

/** Pages of transitions, read together when they are needed at the same time, by whichever requests and streams. */
export type TransitionLoader = Pick<DataLoader<TransitionPage, readonly StatusTransition[]>, 'load'>

/** Creates the loader of a node. It batches and does not cache. */
export function createTransitionLoader(db: Db): TransitionLoader {
  const keyOf = ({ environmentId, accountId, limit, before }: TransitionPage) =>
    [environmentId, accountId, limit, before].join()
  return new DataLoader<TransitionPage, readonly StatusTransition[]>(
    async (pages) => {
      const distinct = new Map(pages.map((page) => [keyOf(page), page]))
      const lists = await listTransitions(db, [...distinct.values()])
      const found = new Map([...distinct.keys()].map((key, at) => [key, lists[at]]))
      return pages.map((page) => found.get(keyOf(page)) ?? [])
    },
    { cache: false, maxBatchSize: 1_000 },
  )
}

function toTransition(row: Selectable<StatusTransitionsTable>): StatusTransition {
  return {
    id: row.id,
    sequence: row.sequence,
    accountId: row.account_id,
    from: row.from_status,
    to: row.to_status,
    reason: row.reason,
    at: row.at,
    actor: row.actor,
  }
}
