import { sql } from 'kysely'
import { type Loop, startLoop } from '../../background.ts'
import { deleteInBatches } from '../../db/batches.ts'
import type { Trx } from '../../db/database.ts'
import { isConflict } from '../../db/errors.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import type { AccountsContext } from '../context.ts'
import { discardPendingGrant } from '../grants/pending-grant.ts'
import { type Flow, flowColumns, isExpired, isOpen, toFlow, waitingStages } from './flow.ts'
import { discard, settle } from './outcome.ts'
import { convertSealedConsents } from './sealed-consents.ts'

/** What a sweep ended. */
export interface SweepResult {
  /** Consents that were not confirmed in time: discarded and queued for revocation. */
  readonly unconfirmed: number
  /** Links that were opened, and exchanges that were started, and never finished. */
  readonly abandoned: number
}

/** How long an expired link is stored, in hours: a user who returns late reads that it was too late. */
const retentionHours = 24

const maxPerSweep = 1_000

/**
 * Ends what has expired by the database's clock. Tokens that were not confirmed are discarded and revoked, and their
 * accounts return to the status before with CONFIRMATION_EXPIRED. Accounts whose user opened the link and did not return
 * get the reason AUTHORIZATION_ABANDONED. Several nodes can sweep at the same time. Ends early when the signal is aborted.
 */
export async function sweepAuthorizations(context: AccountsContext, signal?: AbortSignal): Promise<SweepResult> {
  await convertSealedConsents(context)
  const due = await context.db
    .selectFrom('authorization_flows')
    .select(['id', 'stage'])
    .where(isOpen)
    .where('expires_at', '<=', sql<Date>`now()`)
    .orderBy('expires_at')
    .limit(maxPerSweep)
    .execute()
  let unconfirmed = 0
  let abandoned = 0
  for (const { id, stage } of due) {
    try {
      if (stage === 'opened' || stage === 'exchanging') {
        if (await abandon(context, id)) abandoned++
      } else if (await discardExpired(context, id)) unconfirmed++
    } catch (err) {
      logFailure(context, { err, flow: id }, 'ending an expired authorization failed')
    }
  }
  await discardOrphans(context)
  const oldLinks = context.db
    .selectFrom('authorization_flows')
    .select('id')
    .where('stage', 'in', ['created', 'lapsed'])
    .where('expires_at', '<=', sql<Date>`now() - make_interval(hours => ${retentionHours})`)
  await deleteInBatches(context.db, 'authorization_flows', 'id', oldLinks, signal)
  return { unconfirmed, abandoned }
}

/**
 * The next sweep tries it again; the others must not wait for it. Conflicts are expected: the deletion of an environment takes
 * its locks in another order, and Postgres ends one of both.
 */
function logFailure(
  { log }: AccountsContext,
  about: { readonly err: unknown; readonly [id: string]: unknown },
  message: string,
): void {
  if (isConflict(about.err)) log.warn(about, message)
  else log.error(about, message)
}

/** Ends an authorization without a consent. Returns whether this call did. */
async function abandon(context: AccountsContext, id: string): Promise<boolean> {
  const found = await context.db.transaction().execute(async (trx): Promise<{ event: AccountEvent | null } | null> => {
    const row = await trx
      .updateTable('authorization_flows')
      .set({ stage: 'lapsed', code_verifier: null })
      .where('id', '=', id)
      .where('stage', 'in', ['opened', 'exchanging'])
      .where(isExpired)
      .returning(flowColumns)
      .executeTakeFirst()
    if (!row) return null
    const flow = toFlow(row)
    return { event: (await hasMovedOn(trx, flow)) ? null : await settle(context, trx, flow, 'AUTHORIZATION_ABANDONED') }
  })
  if (found?.event) context.events.publish([found.event])
  return found !== null
}

/** Whether the account's status changed since its link was created, or a newer link was: both say more than its expiry. */
async function hasMovedOn(trx: Trx, { id, environmentId, accountId }: Flow): Promise<boolean> {
  const linkCreated = sql<Date>`(select created_at from authorization_flows where id = ${id})`
  const { moved } = await trx
    .selectNoFrom((eb) =>
      eb
        .or([
          eb.exists(
            eb
              .selectFrom('status_transitions')
              .select('id')
              .where('environment_id', '=', environmentId)
              .where('account_id', '=', accountId)
              .where('at', '>', linkCreated),
          ),
          eb.exists(
            eb
              .selectFrom('authorization_flows')
              .select('id')
              .where('environment_id', '=', environmentId)
              .where('account_id', '=', accountId)
              .where('created_at', '>', linkCreated),
          ),
        ])
        .as('moved'),
    )
    .executeTakeFirstOrThrow()
  return Boolean(moved)
}

/** Discards an unconfirmed consent. Returns whether this call did: another node may have been first. */
async function discardExpired(context: AccountsContext, id: string): Promise<boolean> {
  const found = await context.db.transaction().execute(async (trx): Promise<{ event: AccountEvent | null } | null> => {
    const row = await trx
      .deleteFrom('authorization_flows')
      .where('id', '=', id)
      .where('stage', 'in', waitingStages)
      .where('pending_tokens', 'is', null)
      .where(isExpired)
      .returning(flowColumns)
      .executeTakeFirst()
    if (!row) return null
    return { event: await discard(context, trx, toFlow(row), row.grant_id, 'CONFIRMATION_EXPIRED') }
  })
  if (found?.event) context.events.publish([found.event])
  return found !== null
}

/**
 * Discards pending grants without a flow. A node of the previous release, which does not know of pending grants, leaves
 * one when it ends an authorization.
 */
async function discardOrphans(context: AccountsContext): Promise<void> {
  const orphans = await context.db
    .selectFrom('grants')
    .select(['id', 'environment_id'])
    .where('status', '=', 'pending')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('authorization_flows')
            .select('authorization_flows.id')
            .whereRef('authorization_flows.environment_id', '=', 'grants.environment_id')
            .whereRef('authorization_flows.grant_id', '=', 'grants.id'),
        ),
      ),
    )
    .limit(maxPerSweep)
    .execute()
  for (const { id, environment_id } of orphans) {
    try {
      await context.db
        .transaction()
        .execute((trx) => discardPendingGrant(context, trx, { environmentId: environment_id, grantId: id }))
    } catch (err) {
      logFailure(context, { err, grant: id }, 'discarding a pending grant without a flow failed')
    }
  }
}

/** Sweeps now and then every `everyMs` until stopped. `stop` waits for a sweep in progress. */
export function startAuthorizationSweeper(context: AccountsContext, everyMs = 30_000): Pick<Loop<unknown>, 'stop'> {
  return startLoop({
    name: 'sweeping expired authorizations',
    everyMs,
    immediately: true,
    log: context.log,
    measure: context.measure,
    run: (signal) => sweepAuthorizations(context, signal),
  })
}
