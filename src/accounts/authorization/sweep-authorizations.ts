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
  let unconfirmed = 0
  while (await discardOne(context)) unconfirmed++
  const removed = await context.db
    .deleteFrom('authorization_flows')
    .where('stage', '<>', 'awaiting_confirmation')
    .where(isExpired)
    .executeTakeFirst()
  return { unconfirmed, abandoned: Number(removed.numDeletedRows) }
}

/** One flow in one transaction, so that a flow that fails keeps no other from being discarded for longer than a sweep. */
async function discardOne(context: AuthorizationContext): Promise<boolean> {
  const found = await context.db.transaction().execute(async (trx): Promise<{ event: AccountEvent | null } | null> => {
    const row = await trx
      .deleteFrom('authorization_flows')
      .where(
        'id',
        'in',
        trx
          .selectFrom('authorization_flows')
          .select('id')
          .where('stage', '=', 'awaiting_confirmation')
          .where(isExpired)
          .orderBy('expires_at')
          .limit(1)
          .forUpdate()
          .skipLocked(),
      )
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
