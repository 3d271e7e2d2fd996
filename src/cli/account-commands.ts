import { sql } from 'kysely'
import { findAccountsById } from '../accounts/account-store.ts'
import {
  countSelected,
  type DisconnectProgress,
  type DisconnectSelection,
  disconnectAll,
} from '../accounts/authorization/disconnect-all.ts'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { defaultTiming } from '../accounts/context.ts'
import { listAccounts } from '../accounts/list-accounts.ts'
import { operatorActor, publicId } from '../audit/audit-log.ts'
import type { Db } from '../db/database.ts'
import { openAccountEvents } from '../events/status-events.ts'
import { createLog } from '../log.ts'
import type { Store } from '../store.ts'
import type { Secret } from '../vault/secret.ts'
import { type Print, UsageError } from './command.ts'
import { requireConnection, requireEnvironment, uuidIn } from './known-names.ts'

/** How often progress is printed, in accounts. */
const progressEvery = 500

/**
 * `accounts disconnect-all`: disconnects every account of an environment, or of some of its connections, and prints progress
 * with `printProgress` and a summary with `print`. Returns the exit code: 1 if an account could not be disconnected. Without
 * `yes`, throws {@link UsageError} with the number of accounts.
 */
export async function disconnectAllCommand(
  { database, vault }: Store,
  bindingKey: Secret,
  print: Print,
  printProgress: Print,
  options: {
    readonly environment: string
    readonly connections: readonly string[] | undefined
    /** A number with a unit: `30d`, `12h` or `45m`. */
    readonly olderThan: string | undefined
    readonly yes: boolean
  },
): Promise<number> {
  const { db } = database
  const selection = await selectionOf(db, options)
  if (!options.yes) {
    const count = await countSelected(db, selection)
    throw new UsageError(
      `This disconnects ${count} accounts of the environment "${options.environment}". Add --yes to do it.`,
    )
  }
  const log = createLog('warn', { write: (line) => void printProgress(line) })
  const events = await openAccountEvents(database, (err) => log.warn({ err }, 'sending an event failed'))
  try {
    let shown = 0
    const onProgress = ({ disconnected, failed, of }: DisconnectProgress) => {
      if (disconnected + failed < Math.min(shown + progressEvery, of)) return
      shown = disconnected + failed
      printProgress(`Disconnected ${disconnected} of ${of} accounts.`)
    }
    const context = { db, vault, bindingKey, events, log, timing: defaultTiming, actor: operatorActor }
    const { disconnected, failed } = await disconnectAll(context, selection, onProgress)
    // The events were queued before this statement.
    await sql`select 1`.execute(db)
    print(
      `Disconnected ${disconnected} accounts. Failed: ${failed}. Revocations that wait for a server: ${await waiting(db, selection)}.`,
    )
    if (failed > 0) print('Run the command again to disconnect the accounts that failed.')
    return failed > 0 ? 1 : 0
  } finally {
    await events.close()
  }
}

/** Accounts that are read at once. */
const exportPage = 500

/**
 * `accounts export`: prints accounts as JSON lines, newest first, without tokens. Reads them in pages, each when the previous
 * one was taken. `after` continues after the account with this ID, the last one that an interrupted export printed.
 */
export async function exportAccountsCommand(
  { database: { db } }: Pick<Store, 'database'>,
  print: Print,
  options: {
    readonly environment: string
    readonly connection: string | undefined
    readonly after: string | undefined
  },
): Promise<void> {
  const environmentId = await requireEnvironment(db, options.environment)
  const { connection: connectionName = null } = options
  if (connectionName !== null)
    await requireConnection(db, { id: environmentId, name: options.environment }, connectionName)
  let after = options.after === undefined ? null : await accountWithId(db, environmentId, options.after)
  for (let more = true; more; ) {
    const page: readonly ConnectedAccount[] = await listAccounts(
      db,
      environmentId,
      { connectionName },
      { limit: exportPage, after },
    )
    for (const account of page) await print(JSON.stringify(exported(account)))
    after = page.at(-1) ?? null
    more = page.length === exportPage
  }
}

async function accountWithId(db: Db, environmentId: string, id: string): Promise<ConnectedAccount> {
  const uuid = uuidIn('ConnectedAccount', id)
  const [account] = uuid !== null ? await findAccountsById(db, environmentId, [uuid]) : []
  if (!account) throw new UsageError('--after must be the ID of an account of the environment, as the export prints it')
  return account
}

/** The fields of an account that GraphQL has too. */
const exported = ({ grant, ...account }: ConnectedAccount) => ({
  id: publicId(`ConnectedAccount:${account.id}`),
  connectionName: account.connectionName,
  identifier: account.identifier,
  status: account.status,
  statusReason: account.statusReason,
  metadata: account.metadata,
  workspace: grant && { id: grant.workspaceId, name: grant.workspaceName },
  owner: grant && { providerUserId: grant.providerUserId, name: grant.ownerName, email: grant.ownerEmail },
  createdAt: account.createdAt,
  authorizedAt: account.authorizedAt,
  lastUsedAt: account.lastUsedAt,
  lastVerifiedAt: grant?.lastVerifiedAt ?? null,
})

async function selectionOf(db: Db, options: Parameters<typeof disconnectAllCommand>[4]): Promise<DisconnectSelection> {
  const { connections = null, olderThan } = options
  const olderThanSeconds = olderThan === undefined ? null : secondsIn(olderThan)
  const environmentId = await requireEnvironment(db, options.environment)
  for (const name of connections ?? [])
    await requireConnection(db, { id: environmentId, name: options.environment }, name)
  return { environmentId, connectionNames: connections, olderThanSeconds }
}

async function waiting(db: Db, { environmentId }: DisconnectSelection): Promise<number> {
  const { count } = await db
    .selectFrom('revocation_outbox')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('environment_id', '=', environmentId)
    .executeTakeFirstOrThrow()
  return count
}

function secondsIn(text: string): number {
  const [, number, unit = ''] = /^(\d{1,5})([dhm])$/.exec(text) ?? []
  if (number === undefined) throw new UsageError('--older-than must be a number with a unit, such as 30d, 12h or 45m')
  return Number(number) * ({ d: 86_400, h: 3_600, m: 60 }[unit] ?? 0)
}
