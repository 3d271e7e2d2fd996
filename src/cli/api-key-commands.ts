import { z } from 'zod'
import { type ApiKey, createApiKey, listApiKeys, revokeApiKey } from '../environments/api-keys.ts'
import { ensureEnvironment, findEnvironmentId } from '../environments/environment-store.ts'
import { type Scope, scopes } from '../environments/viewer.ts'
import type { Store } from '../store.ts'
import { serverSecret } from '../vault/server-secret.ts'
import { type Print, UsageError } from './command.ts'

/** `api-keys create`: creates the environment if it does not exist, and prints the key. */
export async function createCommand(
  store: Store,
  print: Print,
  options: {
    readonly environment: string
    readonly name: string
    /** Names of scopes, separated by commas. */
    readonly scopes: string
    /** ISO 8601, or undefined for a key that does not expire. */
    readonly expiresAt: string | undefined
  },
): Promise<void> {
  const { db } = store.database
  const expiresAt = options.expiresAt === undefined ? null : new Date(options.expiresAt)
  if (expiresAt && Number.isNaN(expiresAt.getTime()))
    throw new UsageError('--expires must be a date such as 2030-01-31')
  const wanted = parseScopes(options.scopes)
  const environment = await ensureEnvironment(db, options.environment)
  const context = { db, apiKeyPepper: await serverSecret(db, store.vault, 'api-key-pepper') }
  const { apiKey, secret } = await createApiKey(context, environment.id, {
    name: options.name,
    scopes: wanted,
    expiresAt,
  })
  print(
    `Created the API key "${apiKey.name}" (${apiKey.id}) in the environment "${environment.name}". It is shown only once:`,
  )
  print(secret.reveal())
}

/** `api-keys list`: lists the environment's keys, newest first. */
export async function listCommand(store: Store, print: Print, environment: string): Promise<void> {
  const id = await requireEnvironment(store, environment)
  for (const key of await listApiKeys(store.database, id))
    print([key.id, key.prefix.padEnd(24), stateOf(key).padEnd(10), key.scopes.join(','), key.name].join('  '))
}

/** `api-keys revoke`: revokes a key. Accepts the ID that the list shows, or the key's GraphQL ID. */
export async function revokeCommand(store: Store, print: Print, environment: string, keyId: string): Promise<void> {
  const uuid = uuidOf(keyId)
  const key = await revokeApiKey(store.database, await requireEnvironment(store, environment), uuid)
  print(`Revoked the API key "${key.name}" (${key.id}).`)
}

/** Returns the environment's ID. Throws {@link UsageError} for an unknown name: a mistyped name must not create one. */
async function requireEnvironment({ database }: Store, name: string): Promise<string> {
  const id = await findEnvironmentId(database.db, name)
  if (id === null) throw new UsageError(`unknown environment "${name}"`)
  return id
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

function stateOf(key: ApiKey): string {
  if (key.revokedAt) return 'revoked'
  return key.expiresAt && key.expiresAt.getTime() <= Date.now() ? 'expired' : 'active'
}
