import { codeVerifierContext } from '../accounts/authorization/flow.ts'
import { sealedConsentContext } from '../accounts/authorization/sealed-consents.ts'
import { revocationContext } from '../accounts/grants/revocation-outbox.ts'
import { pendingTokenContext, type TokenColumn, tokenContext } from '../accounts/grants/token-pair.ts'
import { clientSecretContext } from '../accounts/oauth-app-store.ts'
import { indexKeyContext } from '../content-index/index-key.ts'
import { providerEventContext } from '../provider-events/receive.ts'
import { webhookTokenContext } from '../provider-events/webhook-tokens.ts'
import { approvalContext, approvalSealedColumns, type SealedApprovalRow } from '../tools/approval-call.ts'
import { idempotentResultContext } from '../tools/idempotency.ts'
import type { SealedColumn } from '../vault/rotate-keys.ts'
import { serverSecretContext } from '../vault/server-secret.ts'
import type { SealingContext } from '../vault/vault.ts'
import { webhookSecretContext } from '../webhooks/endpoint-store.ts'

const text = (value: unknown) => String(value)

const token = (column: TokenColumn): SealedColumn => ({
  table: 'grants',
  column,
  key: ['id'],
  reads: ['environment_id', 'version', 'status'],
  context: (row) => {
    const grant = { environmentId: text(row['environment_id']), grantId: text(row['id']) }
    return row['status'] === 'pending'
      ? pendingTokenContext(grant, column)
      : tokenContext(grant, column, Number(row['version']))
  },
})

const flowSecret = (
  column: string,
  contextOf: (flow: { readonly id: string; readonly environmentId: string }) => SealingContext,
): SealedColumn => ({
  table: 'authorization_flows',
  column,
  key: ['id'],
  reads: ['environment_id'],
  context: (row) => contextOf({ id: text(row['id']), environmentId: text(row['environment_id']) }),
})

const webhookSecret = (column: string, versionsBefore: number): SealedColumn => ({
  table: 'webhook_endpoints',
  column,
  key: ['id'],
  reads: ['environment_id', 'version'],
  context: (row) =>
    webhookSecretContext(text(row['environment_id']), text(row['id']), Number(row['version']) - versionsBefore),
})

/** Every database column with ciphertexts. A rotation of the vault's keys re-encrypts all of them. */
export const sealedColumns: readonly SealedColumn[] = [
  token('access_token'),
  token('refresh_token'),
  {
    table: 'oauth_apps',
    column: 'client_secret',
    key: ['id'],
    reads: ['environment_id', 'version'],
    context: (row) => clientSecretContext(text(row['environment_id']), text(row['id']), Number(row['version'])),
  },
  flowSecret('pending_tokens', sealedConsentContext),
  flowSecret('code_verifier', codeVerifierContext),
  {
    table: 'revocation_outbox',
    column: 'sealed_token',
    key: ['id'],
    reads: ['environment_id'],
    context: (row) => revocationContext(text(row['environment_id']), text(row['id'])),
  },
  webhookSecret('secret', 0),
  webhookSecret('previous_secret', 1),
  {
    table: 'server_secrets',
    column: 'sealed',
    key: ['purpose'],
    reads: [],
    context: (row) => serverSecretContext(text(row['purpose'])),
  },
  {
    table: 'idempotency_keys',
    column: 'sealed_result',
    key: ['environment_id', 'account_id', 'key'],
    reads: ['execution_id'],
    context: (row) => idempotentResultContext(text(row['environment_id']), text(row['execution_id'])),
  },
  {
    table: 'tool_approvals',
    column: 'sealed_call',
    key: ['id'],
    reads: [...approvalSealedColumns],
    // The names are those of the table's columns.
    context: (row) => approvalContext(row as unknown as SealedApprovalRow),
  },
  {
    table: 'provider_webhook_tokens',
    column: 'sealed_token',
    key: ['id'],
    reads: ['environment_id', 'state'],
    context: (row) =>
      webhookTokenContext(
        text(row['environment_id']),
        text(row['id']),
        row['state'] === 'active' ? 'active' : 'pending',
      ),
  },
  {
    table: 'provider_events',
    column: 'sealed_payload',
    key: ['id'],
    reads: ['environment_id'],
    context: (row) => providerEventContext(text(row['environment_id']), text(row['id'])),
  },
  {
    // It encrypts the documents of the index, which stay as they are.
    table: 'content_indexes',
    column: 'sealed_key',
    key: ['id'],
    reads: ['environment_id', 'grant_id'],
    context: (row) => indexKeyContext({ environmentId: text(row['environment_id']), grantId: text(row['grant_id']) }),
  },
]
