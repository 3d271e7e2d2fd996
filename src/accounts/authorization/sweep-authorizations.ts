import { sql } from 'kysely'
import type { Trx } from '../../db/database.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import type { AuthorizationContext } from './context.ts'
import { type Flow, flowColumns, isExpired, openPending, toFlow } from './flow.ts'
import { discard, settle } from './outcome.ts'

/** What a sweep found. */
export interface SweepResult {
  /** Consents that nobody confirmed in time: discarded and queued for revocation. */
  readonly unconfirmed: number
  /** Links that were opened, and exchanges that were begun, and never finished. */
  readonly abandoned: number
}

/** How long what has expired is kept, in hours: who comes back late is to read that it was too late. */
const keptHours = 24

/**
 * Ends what is expired by the database's clock: tokens that wait for a confirmation are discarded and revoked and their
 * accounts go back to the status before with CONFIRMATION_EXPIRED; accounts whose user opened the link and did not come
 * back get the reason AUTHORIZATION_ABANDONED. Several nodes may sweep at once.
 */
export async function sweepAuthorizations(context: AuthorizationContext): Promise<SweepResult> {
  const due = await context.db
    .selectFrom('authorization_flows')
    .select(['id', 'stage'])
    .where('stage', 'in', ['awaiting_confirmation', 'opened', 'exchanging'])
    .where(isExpired)
    .orderBy('expires_at')
    .limit(mostPerSweep)
    .execute()
  let unconfirmed = 0
  let abandoned = 0
  for (const { id, stage } of due) {
    try {
      if (stage === 'awaiting_confirmation') {
        if (await discardExpired(context, id)) unconfirmed++
      } else if (await letLapse(context, id)) abandoned++
    } catch (err) {
      // It is tried again at the next sweep; the others must not wait for it.
      context.log.error({ err, flow: id }, 'an expired authorization could not be ended')
    }
  }
  await context.db
    .deleteFrom('authorization_flows')
    .where('stage', 'in', ['created', 'lapsed'])
    .where('expires_at', '<=', sql<Date>`clock_timestamp() - make_interval(hours => ${keptHours})`)
    .execute()
  return { unconfirmed, abandoned }
}

const mostPerSweep = 1_000

/** Ends an authorization that brought nothing. Says whether it was this call that did. */
async function letLapse(context: AuthorizationContext, id: string): Promise<boolean> {
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
    return {
      event: (await hasMovedOn(trx, flow)) ? null : await settle(trx, flow, 'AUTHORIZATION_ABANDONED'),
    }
  })
  if (found?.event) context.events.publish([found.event])
  return found !== null
}

/** Whether anything happened to the account since its link was made, or a newer one was: that says more than its end. */
async function hasMovedOn(trx: Trx, { id, environmentId, accountId }: Flow): Promise<boolean> {
  const linkMade = sql<Date>`(select created_at from authorization_flows where id = ${id})`
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
              .where('at', '>', linkMade),
          ),
          eb.exists(
            eb
              .selectFrom('authorization_flows')
              .select('id')
              .where('environment_id', '=', environmentId)
              .where('account_id', '=', accountId)
              .where('created_at', '>', linkMade),
          ),
        ])
        .as('moved'),
    )
    .executeTakeFirstOrThrow()
  return Boolean(moved)
}

/** Says whether it was this call that took the flow out: another node may have been first. */
async function discardExpired(context: AuthorizationContext, id: string): Promise<boolean> {
  const found = await context.db.transaction().execute(async (trx): Promise<{ event: AccountEvent | null } | null> => {
    const row = await trx
      .deleteFrom('authorization_flows')
      .where('id', '=', id)
      .where('stage', '=', 'awaiting_confirmation')
      .where(isExpired)
      .returning([...flowColumns, 'pending_tokens'])
      .executeTakeFirst()
    if (!row || row.pending_tokens === null) return null
    const flow = toFlow(row)
    const pending = await openPending(context.vault, flow, row.pending_tokens)
    return { event: await discard(context, trx, flow, pending, 'CONFIRMATION_EXPIRED') }
  })
  if (found?.event) context.events.publish([found.event])
  return found !== null
}

/** Sweeps every `intervalMs` until stopped; `stop` waits for a sweep that is under way. */
export function startAuthorizationSweeper(
  context: AuthorizationContext,
  intervalMs = 30_000,
): { readonly stop: () => Promise<void> } {
  let running: Promise<void> = Promise.resolve()
  let busy = false
  const sweep = async () => {
    busy = true
    try {
      await sweepAuthorizations(context)
    } catch (err) {
      context.log.error({ err }, 'expired authorizations could not be swept')
    } finally {
      busy = false
    }
  }
  const timer = setInterval(() => {
    // A slow database must not pile sweeps up.
    if (!busy) running = sweep()
  }, intervalMs)
  timer.unref()
  return {
    stop: async () => {
      clearInterval(timer)
      await running
    },
  }
}
