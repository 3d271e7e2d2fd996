import { eraseDeletedAccounts } from '../accounts/sweep-history.ts'
import { operatorActor } from '../audit/audit-log.ts'
import { deleteEnvironment } from '../environments/environment-store.ts'
import type { Store } from '../store.ts'
import { type Print, UsageError } from './command.ts'
import { requireEnvironment } from './known-names.ts'

/**
 * `environments delete`: deletes an environment with everything that is stored for it. Without `force`, throws
 * {@link UsageError} while tokens of the environment work at a provider, because they cannot be revoked there afterwards.
 */
export async function deleteEnvironmentCommand(
  { database: { db } }: Store,
  print: Print,
  name: string,
  options: { readonly force: boolean },
): Promise<void> {
  const id = await requireEnvironment(db, name)
  const count = (table: 'connected_accounts' | 'revocation_outbox') =>
    db
      .selectFrom(table)
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('environment_id', '=', id)
  const active = await count('connected_accounts').where('status', '=', 'ACTIVE').executeTakeFirstOrThrow()
  const queued = await count('revocation_outbox').executeTakeFirstOrThrow()
  if (!options.force && active.count + queued.count > 0) {
    throw new UsageError(
      `The environment "${name}" has ${active.count} active accounts and ${queued.count} pending revocations. Disconnect the accounts first, so that their tokens are revoked at the provider, or use --force.`,
    )
  }
  await deleteEnvironment(db, id, operatorActor)
  await eraseDeletedAccounts(db)
  print(`Deleted the environment "${name}" with its API keys, OAuth apps, accounts, tokens and journal.`)
}
