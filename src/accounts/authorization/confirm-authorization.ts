import { sql } from 'kysely'
import { AuthorizationFlowNotFoundError, IdentifierMismatchError, ProviderUserChangedError } from '../../errors.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import { findAccountsById } from '../account-store.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import type { AuthorizationContext } from './context.ts'
import { type Flow, flowColumns, openPending, toFlow } from './flow.ts'
import { hashOneTimeText } from './one-time-text.ts'
import { activate, discard } from './outcome.ts'
import { withOutcome } from './return-url.ts'

/**
 * The application's word on who came back from the provider (draft-ietf-oauth-security-topics-update, cross-user session
 * fixation): `identifier` is the user that it has signed in at its confirmation URL, `flowId` the parameter that the
 * browser brought. One attempt: whatever comes of it, the flow id is used up.
 *
 * Another identifier than the one that the link was made for, or another user of the provider than the one behind the
 * account, discards and revokes what the consent brought. Fails with AuthorizationFlowNotFoundError (also for flow ids
 * of other environments), IdentifierMismatchError or ProviderUserChangedError.
 */
export async function confirmAuthorization(
  context: AuthorizationContext,
  environmentId: string,
  confirmation: { readonly flowId: string; readonly identifier: string },
): Promise<{ readonly account: ConnectedAccount; readonly returnUrl: string | null }> {
  const outcome = await context.db.transaction().execute(async (trx): Promise<Outcome> => {
    const row = await trx
      .deleteFrom('authorization_flows')
      .where('environment_id', '=', environmentId)
      .where('confirmation_hash', '=', hashOneTimeText(confirmation.flowId))
      .where('stage', '=', 'awaiting_confirmation')
      .where('expires_at', '>', sql<Date>`clock_timestamp()`)
      .returning([...flowColumns, 'pending_tokens'])
      .executeTakeFirst()
    if (!row || row.pending_tokens === null) return { kind: 'unknown' }
    const flow = toFlow(row)
    const pending = await openPending(context.vault, flow, row.pending_tokens)
    const account = await trx
      .selectFrom('connected_accounts')
      .select('identifier')
      .where('environment_id', '=', environmentId)
      .where('id', '=', flow.accountId)
      .executeTakeFirstOrThrow()
    if (account.identifier !== confirmation.identifier) {
      return { kind: 'other_identifier', event: await discard(context, trx, flow, pending, 'CONFIRMATION_REFUSED') }
    }
    const activated = await activate(context, trx, flow, pending)
    if (activated === 'user_changed') {
      return { kind: 'other_user', event: await discard(context, trx, flow, pending, 'USER_CHANGED') }
    }
    return { kind: 'confirmed', event: activated, flow }
  })
  // Refusals are thrown only now: inside, they would have undone the discarding.
  if (outcome.kind === 'unknown') throw new AuthorizationFlowNotFoundError()
  if (outcome.event) context.events.publish([outcome.event])
  if (outcome.kind === 'other_identifier') throw new IdentifierMismatchError()
  if (outcome.kind === 'other_user') throw new ProviderUserChangedError()
  const { flow } = outcome
  const [account] = await findAccountsById(context.db, environmentId, [flow.accountId])
  if (!account) throw new AuthorizationFlowNotFoundError()
  return {
    account,
    returnUrl:
      flow.returnUrl === null
        ? null
        : withOutcome(flow.returnUrl, flow.applicationState, {
            status: 'ACTIVE',
            error: null,
            missing: flow.missingResources,
          }),
  }
}

type Outcome =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'other_identifier'; readonly event: AccountEvent | null }
  | { readonly kind: 'other_user'; readonly event: AccountEvent | null }
  | { readonly kind: 'confirmed'; readonly event: AccountEvent; readonly flow: Flow }
