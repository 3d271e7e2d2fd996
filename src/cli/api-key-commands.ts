import { z } from 'zod'
import { type ApiKey, createApiKey, listApiKeys, revokeApiKey } from '../environments/api-keys.ts'
import { ensureEnvironment, findEnvironmentId } from '../environments/environment-store.ts'
import { type Scope, scopes } from '../environments/viewer.ts'
import type { Store } from '../store.ts'
import { serverSecret } from '../vault/server-secret.ts'
import type { Print } from './key-commands.ts'
import { UsageError } from './usage-error.ts'

/** `api-keys create`: makes the environment if need be, and prints the key, once. */
export async function createCommand(
  store: Store,
  print: Print,
  options: {
    readonly environment: string
    readonly name: string
    /** Names of scopes with commas. */
    readonly scopes: string
    /** ISO 8601, or undefined for a key that does not expire. */
    readonly expiresAt: string | undefined
  },
): Promise<void> {
  const { db } = store.database
  const expiresAt = options.expiresAt === undefined ? null : new Date(options.expiresAt)
  if (expiresAt && Number.isNaN(expiresAt.getTime())) throw new UsageError('--expires takes a date such as 2030-01-31')
  const wanted = parseScopes(options.scopes)
  const environment = await ensureEnvironment(db, options.environment)
  const context = { db, apiKeyPepper: await serverSecret(db, store.vault, 'api-key-pepper') }
  const { apiKey, secret } = await createApiKey(context, environment.id, {
    name: options.name,
    scopes: wanted,
    expiresAt,
  })
  print(`The API key "${apiKey.name}" (${apiKey.id}) of the environment "${environment.name}". It is shown this once:`)
  print(secret.reveal())
}

/** `api-keys list`: the environment's keys, newest first. */
export async function listCommand(store: Store, print: Print, environment: string): Promise<void> {
  const id = await requireEnvironment(store, environment)
  for (const key of await listApiKeys(store.database, id))
    print([key.id, key.prefix.padEnd(24), stateOf(key).padEnd(10), key.scopes.join(','), key.name].join('  '))
}

/** `api-keys revoke`: ends a key at once. Takes the id that the list shows, or the one that GraphQL has for it. */
export async function revokeCommand(store: Store, print: Print, environment: string, keyId: string): Promise<void> {
  const uuid = uuidOf(keyId)
  const key = await revokeApiKey(store.database, await requireEnvironment(store, environment), uuid)
  print(`The API key "${key.name}" (${key.id}) is revoked.`)
}

/** The environment's id. A name that was mistyped makes no new one here. */
async function requireEnvironment({ database }: Store, name: string): Promise<string> {
  const id = await findEnvironmentId(database.db, name)
  if (id === null) throw new UsageError(`There is no environment called "${name}".`)
  return id
}

function uuidOf(keyId: string): string {
  const own = Buffer.from(keyId, 'base64')
    .toString('utf8')
    .replace(/^ApiKey:/, '')
  const found = [keyId, own].find((text) => z.uuid().safeParse(text).success)
  if (found === undefined) throw new UsageError(`"${keyId}" is not the id of an API key; api-keys list shows the ids.`)
  return found
}

function parseScopes(text: string): readonly Scope[] {
  const names = text.split(',').map((name) => name.trim().toUpperCase())
  const unknown = names.filter((name) => !Object.hasOwn(scopes, name))
  if (unknown.length > 0)
    throw new UsageError(`--scopes takes ${Object.keys(scopes).join(', ')}, not ${unknown.join(', ')}`)
  return names as Scope[]
}

function stateOf(key: ApiKey): string {
  if (key.revokedAt) return 'revoked'
  return key.expiresAt && key.expiresAt.getTime() <= Date.now() ? 'expired' : 'active'
}
