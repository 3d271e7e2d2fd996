import { type BoundValues, bindingOf, isBound } from '../vault/row-binding.ts'
import type { Secret } from '../vault/secret.ts'

/** The columns of an API key that decide what its holder may do. */
interface DecidingColumns {
  readonly id: string
  readonly environment_id: string
  readonly secret_hmac: string
  readonly scopes: readonly string[]
  /** As stored, or the JSON to store. */
  readonly narrowing: unknown
  readonly bootstrap: boolean
  readonly expires_at: Date | null
}

/** What {@link isBoundApiKey} reads. */
export const boundApiKeyColumns = [
  'api_keys.id',
  'api_keys.environment_id',
  'api_keys.secret_hmac',
  'api_keys.scopes',
  'api_keys.narrowing',
  'api_keys.bootstrap',
  'api_keys.expires_at',
  'api_keys.binding',
] as const

/** The values that the binding of an API key covers. A revoked key has no binding, instead of a column of its own here. */
export const apiKeyValues = (row: DecidingColumns): BoundValues => [
  row.id,
  row.environment_id,
  row.secret_hmac,
  row.scopes,
  row.bootstrap,
  row.expires_at,
  canonicalNarrowing(row.narrowing),
]

/** Postgres returns the keys of jsonb in an order of its own. */
function canonicalNarrowing(narrowing: unknown): string | null {
  const stored = typeof narrowing === 'string' ? (JSON.parse(narrowing) as unknown) : narrowing
  if (typeof stored !== 'object' || stored === null) return null
  return JSON.stringify(Object.entries(stored).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Returns an API key with its binding, to be inserted. */
export function boundApiKey<Row extends DecidingColumns>(key: Secret, row: Row): Row & { readonly binding: string } {
  return { ...row, binding: bindingOf(key, 'api_keys', apiKeyValues(row)) }
}

/** Whether an API key is as this server wrote it: of this environment, with these scopes and this expiry, not revoked. */
export function isBoundApiKey(key: Secret, row: DecidingColumns & { readonly binding: string | null }): boolean {
  return isBound(key, 'api_keys', apiKeyValues(row), row.binding)
}
