import { countUnconfirmedApps } from './accounts/oauth-app-store.ts'
import type { Config } from './config.ts'
import { type Db, permittedConnections } from './db/database.ts'
import { signOfDeployment } from './production.ts'

/** Settings that work but should be changed, as sentences for the log and the start banner. */
export async function startWarnings(config: Config, db: Db): Promise<readonly string[]> {
  const warnings: string[] = []
  const unconfirmed = await countUnconfirmedApps(db)
  if (unconfirmed > 0) {
    warnings.push(
      `${unconfirmed} OAuth app${unconfirmed === 1 ? ' has' : 's have'} no confirmationUrl: any person who opens a link can make its account ACTIVE. Use this only for an application with a single user.`,
    )
  }
  // A pooler limits its connections to the server itself.
  if (config.databaseUrl !== null && config.databaseDirectUrl === null) {
    // Each worker has one connection more than its pool, for events.
    const possible = config.workers * (config.databasePoolSize + 1)
    const permitted = await permittedConnections(db)
    if (possible > permitted) {
      warnings.push(
        `VALETKEY_WORKERS and DATABASE_POOL_SIZE allow ${possible} database connections, more than the ${permitted} that the server permits. Decrease them, or increase max_connections.`,
      )
    }
  }
  if (config.environment === 'production' && config.publicUrl === null) {
    warnings.push('PUBLIC_URL is not set: links and redirect URIs point to localhost.')
  }
  const { environment, host, publicUrl } = config
  const reached = signOfDeployment({ HOST: host, ...(publicUrl !== null && { PUBLIC_URL: publicUrl }) })
  if (environment !== 'production' && reached !== null) {
    warnings.push(
      `NODE_ENV is ${environment} and ${reached}: GraphiQL, introspection and the sandbox's control are open to the network. Set NODE_ENV=production unless this is intended.`,
    )
  }
  return warnings
}
