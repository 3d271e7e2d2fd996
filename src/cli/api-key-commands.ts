import { operatorActor } from '../audit/audit-log.ts'
import type { Db } from '../db/database.ts'
import { databaseNow } from '../db/time.ts'
import { nearest } from '../did-you-mean.ts'
import { type ApiKey, createApiKey, listApiKeys, narrowApiKey, revokeApiKey } from '../environments/api-keys.ts'
import { ensureEnvironment } from '../environments/environment-store.ts'
import { type Narrowing, notNarrowed } from '../environments/narrowing.ts'
import { type Scope, scopes } from '../environments/viewer.ts'
import { ApiKeyNotFoundError } from '../errors.ts'
import type { Store } from '../store.ts'
import type { Secret } from '../vault/secret.ts'
import { serverSecret } from '../vault/server-secret.ts'
import { type Print, UsageError } from './command.ts'
import { requireEnvironment, unknownValues, uuidIn } from './known-names.ts'
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
  const key = await withApiKey(db, environment, keyId, (environmentId, uuid) =>
    narrowApiKey(context, environmentId, uuid, changes),
  )
  print(`Narrowed the API key "${key.name}" (${key.id}) to ${JSON.stringify(narrowingShown(key))}.`)
}

const narrowingShown = ({ narrowing }: ApiKey) =>
  Object.fromEntries(Object.entries(narrowing ?? {}).filter(([, value]) => value !== null))

/** `api-keys revoke`: revokes a key. Accepts the ID that the list shows, or the key's GraphQL ID. */
export async function revokeCommand(store: Store, print: Print, environment: string, keyId: string): Promise<void> {
  const { db } = store.database
  const key = await withApiKey(db, environment, keyId, (environmentId, uuid) =>
    revokeApiKey({ db, actor: operatorActor }, environmentId, uuid),
  )
  print(`Revoked the API key "${key.name}" (${key.id}).`)
}

/**
 * Runs `work` on a key. Throws {@link UsageError} for an unknown one, with the ID of the key that has the given text or a
 * similar one as its name.
 */
async function withApiKey(
  db: Db,
  environment: string,
  keyId: string,
  work: (environmentId: string, uuid: string) => Promise<ApiKey>,
): Promise<ApiKey> {
  const environmentId = await requireEnvironment(db, environment)
  const list = `List the IDs with: api-keys list --environment ${environment}`
  const uuid = uuidIn('ApiKey', keyId)
  if (uuid === null) {
    const keys = await listApiKeys({ db }, environmentId)
    const names = keys.map(({ name }) => name)
    const [name] = nearest(keyId, names, 1)
    const key = keys.find((each) => each.name === name)
    const suggestion = key ? ` Did you mean "${key.name}" (${key.id})?` : ''
    throw new UsageError(`"${keyId}" is not the ID of an API key.${suggestion} ${list}`)
  }
  return work(environmentId, uuid).catch((error: unknown) => {
    if (!(error instanceof ApiKeyNotFoundError)) throw error
    throw new UsageError(`unknown API key "${keyId}" in the environment "${environment}". ${list}`)
  })
}

function parseScopes(text: string): readonly Scope[] {
  const names = text.split(',').map((name) => name.trim().toUpperCase())
  const known = Object.keys(scopes)
  const unknown = unknownValues(names, known)
  if (unknown) throw new UsageError(`--scopes must be of ${known.join(', ')}; ${unknown}`)
  return names as Scope[]
}

function stateOf(key: ApiKey, now: Date): string {
  if (key.revokedAt) return 'revoked'
  return key.expiresAt && key.expiresAt <= now ? 'expired' : 'active'
}
