import type { AccountEvent } from '../../events/status-events.ts'
import type { AuthorizationContext } from './context.ts'
import { flowColumns, isExpired, openPending, toFlow } from './flow.ts'
import { discard } from './outcome.ts'

/** What a sweep found. */
export interface SweepResult {
  /** Consents that nobody confirmed in time: discarded and queued for revocation. */
  readonly unconfirmed: number
  /** Links and exchanges that were never finished. */
  readonly abandoned: number
}

/**
 * Ends what is expired by the database's clock: tokens that wait for a confirmation are discarded and revoked and their
 * accounts go back to the status before with CONFIRMATION_EXPIRED; links are removed. Several nodes may sweep at once.
 */
export async function sweepAuthorizations(context: AuthorizationContext): Promise<SweepResult> {
  const due = await context.db
    .selectFrom('authorization_flows')
    .select('id')
    .where('stage', '=', 'awaiting_confirmation')
    .where(isExpired)
    .orderBy('expires_at')
    .limit(mostPerSweep)
    .execute()
  let unconfirmed = 0
  for (const { id } of due) {
    try {
      if (await discardExpired(context, id)) unconfirmed++
    } catch (err) {
      // It is tried again at the next sweep; the others must not wait for it.
      context.log.error({ err, flow: id }, 'an unconfirmed authorization could not be discarded')
    }
  }
  const removed = await context.db
    .deleteFrom('authorization_flows')
    .where('stage', '<>', 'awaiting_confirmation')
    .where(isExpired)
    .executeTakeFirst()
  return { unconfirmed, abandoned: Number(removed.numDeletedRows) }
}

const mostPerSweep = 1_000

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
