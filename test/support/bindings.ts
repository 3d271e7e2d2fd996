import { sql } from 'kysely'
import { bindUnboundRows } from '../../src/accounts/authorization/bind-existing-rows.ts'
import type { Db } from '../../src/db/database.ts'
import { Secret } from '../../src/vault/secret.ts'

/** The key of the bindings in contexts that a test makes itself. */
export const bindingKey = new Secret('binding key of the tests')

/** Binds all rows as they are, as if the server had written what the test wrote. */
export async function bindRows(db: Db, key = bindingKey): Promise<void> {
  for (const table of ['api_keys', 'oauth_apps', 'grants', 'connected_accounts', 'authorization_flows'])
    await sql`update ${sql.table(table)} set binding = null where binding is not null`.execute(db)
  await bindUnboundRows(db, key, () => Promise.resolve(false))
}
