import { z } from 'zod'
import { operatorActor } from '../audit/audit-log.ts'
import { databaseNow } from '../db/time.ts'
import { type ApiKey, createApiKey, listApiKeys, narrowApiKey, revokeApiKey } from '../environments/api-keys.ts'
import { ensureEnvironment } from '../environments/environment-store.ts'
import { type Narrowing, notNarrowed } from '../environments/narrowing.ts'
import { type Scope, scopes } from '../environments/viewer.ts'
import type { Store } from '../store.ts'
import type { Secret } from '../vault/secret.ts'
import { serverSecret } from '../vault/server-secret.ts'
import { type Print, requireEnvironment, UsageError } from './command.ts'
import { requireKnownTools } from './policy-command.ts'

/** `api-keys create`: creates the environment if it does not exist, and prints the key. */
export async function createCommand(
  store: Store,
  bindingKey: Secret,
  print: Print,
  options: {
    readonly environment: string
    readonly name: string
    /** Names of scopes, separated by commas. */
    readonly scopes: string
    /** ISO 8601, or undefined for a key that does not expire. */
    readonly expiresAt: string | undefined
    readonly narrowing: Partial<Narrowing>
  },
): Promise<void> {
  const { db } = store.database
  const expiresAt = options.expiresAt === undefined ? null : new Date(options.expiresAt)
  if (expiresAt && Number.isNaN(expiresAt.getTime()))
    throw new UsageError('--expires must be a date such as 2030-01-31')
  const wanted = parseScopes(options.scopes)
  requireKnownTools(options.narrowing)
  const environment = await ensureEnvironment(db, options.environment, operatorActor)
  const apiKeyPepper = await serverSecret(db, store.vault, 'api-key-pepper')
  const context = { db, apiKeyPepper, bindingKey, actor: operatorActor }
  const { apiKey, secret } = await createApiKey(context, environment.id, {
    name: options.name,
    scopes: wanted,
    expiresAt,
    narrowing: { ...notNarrowed, ...options.narrowing },
  })
  print(
    `Created the API key "${apiKey.name}" (${apiKey.id}) in the environment "${environment.name}". It is shown only once:`,
  )
  print(secret.reveal())
}

/** `api-keys list`: lists the environment's keys, newest first. */
export async function listCommand(store: Store, print: Print, environment: string): Promise<void> {
  const id = await requireEnvironment(store.database.db, environment)
  const now = await databaseNow(store.database.db)
  for (const key of await listApiKeys(store.database, id))
    print([key.id, key.prefix.padEnd(24), stateOf(key, now).padEnd(10), key.scopes.join(','), key.name].join('  '))
}

/** `api-keys narrow`: narrows a key; `changes` must be within what it permits. */
export async function narrowCommand(
  store: Store,
  bindingKey: Secret,
  print: Print,
  environment: string,
  keyId: string,
  changes: Partial<Narrowing>,
): Promise<void> {
  if (Object.keys(changes).length === 0)
    throw new UsageError(
      'api-keys narrow requires --connection, --identifier, --identifier-prefix, --network, or an option of a policy',
    )
  requireKnownTools(changes)
  const { db } = store.database
  const context = { db, bindingKey, actor: operatorActor }
  const key = await narrowApiKey(context, await requireEnvironment(db, environment), uuidOf(keyId), changes)
  print(`Narrowed the API key "${key.name}" (${key.id}) to ${JSON.stringify(narrowingShown(key))}.`)
}

const narrowingShown = ({ narrowing }: ApiKey) =>
  Object.fromEntries(Object.entries(narrowing ?? {}).filter(([, value]) => value !== null))

/** `api-keys revoke`: revokes a key. Accepts the ID that the list shows, or the key's GraphQL ID. */
export async function revokeCommand(store: Store, print: Print, environment: string, keyId: string): Promise<void> {
  const uuid = uuidOf(keyId)
  const context = { db: store.database.db, actor: operatorActor }
  const key = await revokeApiKey(context, await requireEnvironment(store.database.db, environment), uuid)
  print(`Revoked the API key "${key.name}" (${key.id}).`)
}

function uuidOf(keyId: string): string {
  const decoded = Buffer.from(keyId, 'base64')
    .toString('utf8')
    .replace(/^ApiKey:/, '')
  const found = [keyId, decoded].find((text) => z.uuid().safeParse(text).success)
  if (found === undefined)
    throw new UsageError(`"${keyId}" is not the ID of an API key. List the IDs with: api-keys list`)
  return found
}

function parseScopes(text: string): readonly Scope[] {
  const names = text.split(',').map((name) => name.trim().toUpperCase())
  const unknown = names.filter((name) => !Object.hasOwn(scopes, name))
  if (unknown.length > 0)
    throw new UsageError(`--scopes must be of ${Object.keys(scopes).join(', ')}; unknown: ${unknown.join(', ')}`)
  return names as Scope[]
}

function stateOf(key: ApiKey, now: Date): string {
  if (key.revokedAt) return 'revoked'
  return key.expiresAt && key.expiresAt <= now ? 'expired' : 'active'
}
