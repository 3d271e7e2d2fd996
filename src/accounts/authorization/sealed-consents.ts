import { sql } from 'kysely'
import * as z from 'zod'
import type { Db, Trx } from '../../db/database.ts'
import { databaseNow } from '../../db/time.ts'
import { Secret } from '../../vault/secret.ts'
import type { SealingContext } from '../../vault/vault.ts'
import { neverOpens } from '../../vault/vault-error.ts'
import type { AccountsContext } from '../context.ts'
import { type Consent, createPendingGrant, discardPendingGrant } from '../grants/pending-grant.ts'
import { type Flow, flowColumns, isBoundFlow, toFlow } from './flow.ts'

/*
 * Release 0.1 stores an unconfirmed consent as one sealed JSON string in its flow (stage `awaiting_confirmation`, column
 * `pending_tokens`), which SQL cannot turn into a grant. Such flows exist for at most the lifetime of an authorization
 * after the last node of that release has stopped; until then this module converts them. The release after the next one
 * can remove it together with the column.
 */

/** The context that 0.1 sealed a consent for. */
export function sealedConsentContext(flow: Pick<Flow, 'id' | 'environmentId'>): SealingContext {
  return { environmentId: flow.environmentId, subject: flow.id, field: 'pending_tokens', version: 1 }
}

const consentSchema = z.object({
  accessToken: z.string(),
  refreshToken: z.string().nullable(),
  issuedAt: z.coerce.date(),
  expiresAt: z.coerce.date().nullable(),
  capabilities: z.array(z.string()),
  deniedCapabilities: z.array(z.string()).default([]),
  owner: z.object({
    providerUserId: z.string(),
    workspaceId: z.string(),
    workspaceName: z.string().nullable(),
    workspaceIconUrl: z.string().nullable(),
    ownerName: z.string().nullable(),
    ownerEmail: z.string().nullable(),
    botId: z.string().nullable(),
  }),
})

/** Opens the consent that 0.1 sealed in a flow. Returns null for an absent one and, with a log entry, an unreadable one. */
export async function openSealedConsent(
  context: Pick<AccountsContext, 'vault' | 'log'>,
  db: Db,
  flow: Flow,
  sealed: string | null,
): Promise<Consent | null> {
  if (sealed === null) return null
  let opened: Secret
  try {
    opened = await context.vault.open(sealed, sealedConsentContext(flow))
  } catch (err) {
    if (!neverOpens(err)) throw err
    context.log.error({ err, flow: flow.id }, 'erased an unreadable pending token without revocation')
    return null
  }
  const { accessToken, refreshToken, expiresAt, ...rest } = consentSchema.parse(JSON.parse(opened.reveal()))
  const now = await databaseNow(db)
  return {
    ...rest,
    requestedScopes: [],
    scopes: [],
    environmentId: flow.environmentId,
    oauthAppId: flow.oauthAppId,
    accountId: flow.accountId,
    tokens: {
      accessToken: new Secret(accessToken),
      refreshToken: refreshToken === null ? null : new Secret(refreshToken),
      expiresInSeconds: expiresAt && Math.max(1, Math.floor((expiresAt.getTime() - now.getTime()) / 1000)),
    },
  }
}

/**
 * Converts the flows that nodes of release 0.1 left waiting for a confirmation. Idempotent, and safe on several nodes at
 * once: each flow is locked, and skipped by the others. Returns how many were converted. A flow whose tokens are unreadable
 * loses them, and ends when its time is up; so does one whose flow another program wrote, and its tokens are revoked. One that cannot be converted now is logged and left for the next call.
 */
export async function convertSealedConsents(context: AccountsContext): Promise<number> {
  const sealed = await context.db
    .selectFrom('authorization_flows')
    .select('id')
    .where(isSealed)
    .orderBy('expires_at')
    .limit(maxPerCall)
    .execute()
  let converted = 0
  for (const { id } of sealed) {
    try {
      if (await convert(context, (flows) => flows.where('id', '=', id).skipLocked())) converted++
    } catch (err) {
      // The others must not wait for it.
      context.log.error({ err, flow: id }, 'converting an unconfirmed consent of release 0.1 failed')
    }
  }
  return converted
}

/** Converts the flow with this confirmation hash, if it needs that, and waits for another node that converts it now. */
export async function convertSealedConsent(context: AccountsContext, confirmationHash: string): Promise<void> {
  await convert(context, (flows) => flows.where('confirmation_hash', '=', confirmationHash))
}

const maxPerCall = 1_000

const isSealed = sql<boolean>`(stage = 'awaiting_confirmation' and pending_tokens is not null)`

const sealedFlows = (trx: Trx) =>
  trx
    .selectFrom('authorization_flows')
    .select([...flowColumns, 'pending_tokens'])
    .where(isSealed)
    .forUpdate()

function convert(
  context: AccountsContext,
  select: (flows: ReturnType<typeof sealedFlows>) => ReturnType<typeof sealedFlows>,
): Promise<boolean> {
  return context.db.transaction().execute(async (trx) => {
    const row = await select(sealedFlows(trx)).executeTakeFirst()
    if (!row) return false
    const consent = await openSealedConsent(context, trx, toFlow(row), row.pending_tokens)
    const created = consent ? await createPendingGrant(context, trx, consent) : null
    const grantId = isBoundFlow(context, row) ? created : null
    if (created !== grantId && created !== null) {
      await discardPendingGrant(context, trx, { environmentId: row.environment_id, grantId: created })
    }
    await trx
      .updateTable('authorization_flows')
      .set({
        pending_tokens: null,
        grant_id: grantId,
        stage: grantId === null ? sql<'awaiting_confirmation'>`stage` : 'consented',
      })
      .where('environment_id', '=', row.environment_id)
      .where('id', '=', row.id)
      .execute()
    return true
  })
}
