import { sealingContext as flowContext } from '../accounts/authorization/flow.ts'
import { revocationContext } from '../accounts/grants/revocation-outbox.ts'
import { tokenContext } from '../accounts/grants/sealed-pair.ts'
import { clientSecretContext } from '../accounts/oauth-app-store.ts'
import { idempotentResultContext } from '../tools/idempotency.ts'
import type { SealedColumn } from '../vault/rotate-keys.ts'
import { serverSecretContext } from '../vault/server-secret.ts'

const text = (value: unknown) => String(value)

const token = (column: 'access_token' | 'refresh_token'): SealedColumn => ({
  table: 'grants',
  column,
  key: ['id'],
  reads: ['environment_id', 'version'],
  context: (row) =>
    tokenContext(
      { environmentId: text(row['environment_id']), grantId: text(row['id']) },
      column,
      Number(row['version']),
    ),
})

const flowSecret = (column: 'pending_tokens' | 'code_verifier'): SealedColumn => ({
  table: 'authorization_flows',
  column,
  key: ['id'],
  reads: ['environment_id'],
  context: (row) => flowContext({ id: text(row['id']), environmentId: text(row['environment_id']) }, column),
})

/** Every column of the database that holds sealed texts: what a rotation of the vault's keys has to walk. */
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
  flowSecret('pending_tokens'),
  flowSecret('code_verifier'),
  {
    table: 'revocation_outbox',
    column: 'sealed_token',
    key: ['id'],
    reads: ['environment_id'],
    context: (row) => revocationContext(text(row['environment_id']), text(row['id'])),
  },
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
    key: ['account_id', 'key'],
    reads: ['environment_id', 'execution_id'],
    context: (row) => idempotentResultContext(text(row['environment_id']), text(row['execution_id'])),
  },
]
