import { deleteEnvironment, findEnvironmentId } from '../environments/environment-store.ts'
import type { Store } from '../store.ts'
import type { Print } from './key-commands.ts'
import { UsageError } from './usage-error.ts'

/**
 * `environments delete`: removes an environment with all that is sealed or stored for it. Unless `force`, it is refused
 * while tokens of it work at a provider: nobody could revoke them there afterwards.
 */
export async function deleteEnvironmentCommand(
  { database: { db } }: Store,
  print: Print,
  name: string,
  options: { readonly force: boolean },
): Promise<void> {
  const id = await findEnvironmentId(db, name)
  if (id === null) throw new UsageError(`There is no environment called "${name}".`)
  const count = (table: 'connected_accounts' | 'revocation_outbox') =>
    db
      .selectFrom(table)
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('environment_id', '=', id)
  const active = await count('connected_accounts').where('status', '=', 'ACTIVE').executeTakeFirstOrThrow()
  const queued = await count('revocation_outbox').executeTakeFirstOrThrow()
  if (!options.force && active.count + queued.count > 0) {
    throw new UsageError(
      `The environment "${name}" has ${active.count} active accounts, and ${queued.count} revocations wait for the provider. Disconnect the accounts first, so that their tokens are revoked there, or delete it with --force.`,
    )
  }
  await deleteEnvironment(db, id)
  print(`The environment "${name}" is deleted, with its API keys, OAuth apps, accounts, tokens and journal.`)
}
