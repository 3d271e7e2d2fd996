import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import type { AccountEvent } from '../events/status-events.ts'
import { accountRows, toAccount } from './account-store.ts'
import type { ConnectedAccount, StatusTransition } from './connected-account.ts'
import type { AccountStatus, StatusReason } from './status.ts'

/** What an event reports, as it is now in the database. */
export interface AccountChange {
  /** Null: the account was deleted. */
  readonly account: ConnectedAccount | null
  /** Null: the status did not change, or the account was deleted. */
  readonly transition: StatusTransition | null
}

/**
 * Reads the accounts and transitions of events, each within its event's environment. Returns one change per event, in
 * their order. One query, whatever the number of events and environments.
 */
export async function readChanges(db: Db, events: readonly AccountEvent[]): Promise<readonly AccountChange[]> {
  if (events.length === 0) return []
  const column = (name: keyof AccountEvent) => events.map((event) => event[name])
  const rows = await accountRows(db)
    .innerJoin(
      sql<{ environment_id: string; account_id: string; transition_id: string | null; position: number }>`
        unnest(${column('environmentId')}::uuid[], ${column('accountId')}::uuid[], ${column('transitionId')}::uuid[])
        with ordinality`.as<'event'>(sql`event (environment_id, account_id, transition_id, position)`),
      (join) =>
        join
          .onRef('event.account_id', '=', 'connected_accounts.id')
          .onRef('event.environment_id', '=', 'connected_accounts.environment_id'),
    )
    .leftJoin('status_transitions', (join) =>
      join
        .onRef('status_transitions.id', '=', 'event.transition_id')
        .onRef('status_transitions.account_id', '=', 'event.account_id')
        .onRef('status_transitions.environment_id', '=', 'event.environment_id'),
    )
    .select([
      'event.position',
      'status_transitions.id as transition_id',
      'status_transitions.sequence',
      'status_transitions.from_status',
      'status_transitions.to_status',
      'status_transitions.reason',
      'status_transitions.at',
      'status_transitions.actor',
    ])
    .execute()
  const found = new Map(rows.map((row) => [row.position, row]))
  return events.map((_event, at) => {
    const row = found.get(at + 1)
    return row ? { account: toAccount(row), transition: transitionOf(row) } : { account: null, transition: null }
  })
}

/** The transition of a row that may have none. */
function transitionOf(row: {
  readonly id: string
  readonly transition_id: string | null
  readonly sequence: number | null
  readonly from_status: AccountStatus | null
  readonly to_status: AccountStatus | null
  readonly reason: StatusReason | null
  readonly at: Date | null
  readonly actor: string | null
}): StatusTransition | null {
  const { transition_id: id, sequence, to_status: to, reason, at, actor } = row
  if (id === null || sequence === null || to === null || reason === null || at === null) return null
  return { id, sequence, accountId: row.id, from: row.from_status, to, reason, at, actor }
}
