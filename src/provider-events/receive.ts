import { randomUUID } from 'node:crypto'
import type { AccountsContext } from '../accounts/context.ts'
import { Secret } from '../vault/secret.ts'
import type { SealingContext } from '../vault/vault.ts'
import type { ProviderEvent, ProviderEvents } from './provider-event.ts'
import { activateToken, type SigningToken, signingTokens, storePendingToken } from './webhook-tokens.ts'
import type { Receiver } from './webhook-url.ts'

/** Events of one OAuth app that wait in the inbox. More are refused, and the provider sends them again later. */
const maxWaiting = 10_000

/** What became of a request. */
export type Receipt =
  | { readonly kind: 'received' | 'duplicate' | 'token' | 'refused' | 'malformed' | 'full' }
  | { readonly kind: 'throttled'; readonly waitMs: number }

/** A request of a provider. */
export interface ProviderRequest {
  readonly body: Uint8Array
  readonly signature: string | null
}

/** Counts one request of a kind for an OAuth app. Returns null when it is allowed, otherwise how long to wait. */
export type TakeRequest = (oauthAppId: string, kind: 'event' | 'token') => number | null

/** The sealing context of a payload in the inbox. */
export const providerEventContext = (environmentId: string, id: string): SealingContext => ({
  environmentId,
  subject: id,
  field: 'provider_event',
  version: 1,
})

type Context = Pick<AccountsContext, 'db' | 'vault' | 'actor' | 'log'>

/**
 * Takes in one request for the OAuth apps that its path names: stores an event in the inbox of each app whose token has signed
 * it, or the token that precedes all events. What is returned as `received` is committed.
 */
export async function receiveProviderRequest(
  context: Context,
  events: ProviderEvents,
  apps: readonly Receiver[],
  request: ProviderRequest,
  take: TakeRequest,
): Promise<Receipt> {
  const body = parse(request.body)
  const offered = events.readToken(body)
  // A provider that signs this request as well can only have done so with the token in it.
  if (offered !== null && (request.signature === null || events.verifies(request.body, request.signature, offered)))
    return receiveToken(context, apps, offered, take)
  if (request.signature === null) return { kind: body === undefined ? 'malformed' : 'refused' }
  const event = events.readEvent(body)
  // Before signatures: anyone could have a large body hashed with the tokens of all integrations.
  if (event === null) return { kind: offered === null ? 'malformed' : 'refused' }
  const signed = await signers(context, events, apps, request, event)
  if (signed.length === 0) return { kind: 'refused' }
  const receipts: Receipt[] = []
  for (const token of signed) receipts.push(await receiveEvent(context, token, event, request.body, take))
  return receipts.find(({ kind }) => kind !== 'received' && kind !== 'duplicate') ?? receipts[0] ?? { kind: 'refused' }
}

async function receiveToken(
  context: Context,
  [app, ...others]: readonly Receiver[],
  token: Secret,
  take: TakeRequest,
): Promise<Receipt> {
  if (!app) return { kind: 'refused' }
  // It is not signed: the operator of another environment must not get it.
  if (others.length > 0) {
    context.log.warn(
      { connection: app.connectionName },
      "refused a webhook token, because several environments share the URL; enter the OAuth app's own webhookUrl",
    )
    return { kind: 'refused' }
  }
  const waitMs = take(app.id, 'token')
  if (waitMs !== null) return { kind: 'throttled', waitMs }
  if (!(await storePendingToken(context, app, token))) return { kind: 'refused' }
  context.log.info({ oauthApp: app.id }, 'received a webhook token, which an operator enters at the provider')
  return { kind: 'token' }
}

/** Returns the tokens that have signed a request. */
async function signers(
  context: Context,
  events: ProviderEvents,
  apps: readonly Receiver[],
  { body, signature }: ProviderRequest,
  event: ProviderEvent,
): Promise<readonly SigningToken[]> {
  const tokens = await signingTokens(context, apps, event.integrationId)
  return tokens.filter(({ token }) => events.verifies(body, signature ?? '', token))
}

async function receiveEvent(
  context: Context,
  signer: SigningToken,
  event: ProviderEvent,
  body: Uint8Array,
  take: TakeRequest,
): Promise<Receipt> {
  const { db, vault } = context
  const { app } = signer
  const waitMs = take(app.id, 'event')
  if (waitMs !== null) return { kind: 'throttled', waitMs }
  const waiting = await db
    .selectFrom((eb) =>
      eb
        .selectFrom('provider_events')
        .select('id')
        .where('oauth_app_id', '=', app.id)
        .where('state', '=', 'PENDING')
        .limit(maxWaiting)
        .as('waiting'),
    )
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  if (waiting.count >= maxWaiting) return { kind: 'full' }
  const id = randomUUID()
  const payload = new Secret(Buffer.from(body).toString('utf8'))
  const sealed = await vault.seal(payload, providerEventContext(app.environmentId, id))
  return db.transaction().execute(async (trx): Promise<Receipt> => {
    // Two first events at once: the second one is signed with the token that is active by now.
    if (!signer.active && !(await activateToken(context, trx, signer, event.integrationId))) {
      const known = await signingTokens({ db: trx, vault }, [app], event.integrationId)
      if (!known.some(({ active, token }) => active && token.reveal() === signer.token.reveal()))
        return { kind: 'refused' }
    }
    const inserted = await trx
      .insertInto('provider_events')
      .values({
        id,
        environment_id: app.environmentId,
        oauth_app_id: app.id,
        event_id: event.id,
        event_type: event.type,
        occurred_at: event.occurredAt,
        sealed_payload: sealed,
      })
      .onConflict((conflict) => conflict.columns(['environment_id', 'oauth_app_id', 'event_id']).doNothing())
      .returning('id')
      .executeTakeFirst()
    return { kind: inserted ? 'received' : 'duplicate' }
  })
}

/** Returns the JSON of a body; undefined when it is not JSON in UTF-8. */
function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}
