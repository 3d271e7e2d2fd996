import { findOAuthApp, listOAuthApps, type OAuthApp } from '../accounts/oauth-app-store.ts'
import type { Db } from '../db/database.ts'
import { didYouMean } from '../did-you-mean.ts'
import { findEnvironmentId, listEnvironmentNames } from '../environments/environment-store.ts'
import { isUuid } from '../uuid.ts'
import { UsageError } from './command.ts'

/** Names that a message lists. */
const maxListed = 20

function listed(names: readonly string[]): string {
  const shown = names.slice(0, maxListed).map((name) => `"${name}"`)
  const others = names.length - shown.length
  return `${shown.join(', ')}${others > 0 ? ` and ${others} more` : ''}`
}

/** Returns the ID of the environment. Throws {@link UsageError} for an unknown name: a mistyped name must not create one. */
export async function requireEnvironment(db: Db, name: string): Promise<string> {
  const id = await findEnvironmentId(db, name)
  if (id !== null) return id
  const names = await listEnvironmentNames(db)
  throw new UsageError(
    names.length === 0
      ? `unknown environment "${name}". There is none yet: start the server, or create one with: api-keys create`
      : `unknown environment "${name}".${didYouMean(name, names)} Available environments: ${listed(names)}`,
  )
}

/** The error for a connection that an environment lacks. `place` is the environment in words. */
export function unknownConnection(name: string, names: readonly string[], place: string): UsageError {
  return new UsageError(
    names.length === 0
      ? `unknown connection "${name}". The ${place} has no OAuth app. Register one with: oauth-apps register`
      : `unknown connection "${name}".${didYouMean(name, names)} Available connections of the ${place}: ${listed(names)}`,
  )
}

/** Returns the OAuth app of a connection. Throws {@link UsageError} with the connections that the environment has. */
export async function requireConnection(
  db: Db,
  environment: { readonly id: string; readonly name: string },
  connectionName: string,
): Promise<OAuthApp> {
  const app = await findOAuthApp(db, environment.id, connectionName)
  if (app) return app
  const names = (await listOAuthApps(db, environment.id)).map((each) => each.connectionName)
  throw unknownConnection(connectionName, names, `environment "${environment.name}"`)
}

/** Returns the values of an option that it does not know, with the nearest one of those that it knows; empty if it knows all. */
export function unknownValues(values: readonly string[], known: readonly string[]): string {
  const unknown = values.filter((value) => !known.includes(value))
  const [first] = unknown
  return first === undefined ? '' : `unknown: ${unknown.join(', ')}.${didYouMean(first, known)}`
}

/** Returns the UUID in an ID as commands and GraphQL print it, or of a bare UUID. Null for other texts. */
export function uuidIn(type: string, id: string): string | null {
  const prefix = `${type}:`
  const decoded = Buffer.from(id, 'base64').toString()
  const uuid = decoded.startsWith(prefix) ? decoded.slice(prefix.length) : id.toLowerCase()
  return isUuid(uuid) ? uuid : null
}
