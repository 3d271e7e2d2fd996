import process from 'node:process'
import { getOrCreateConnectedAccount } from '../../src/accounts/account-store.ts'
import { changeStatus } from '../../src/accounts/status-transitions.ts'
import { systemActor } from '../../src/audit/audit-log.ts'
import { type DatabaseLocation, openDatabase } from '../../src/db/database.ts'
import { createLog } from '../../src/log.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import { createAddressGuard } from '../../src/webhooks/address-guard.ts'
import { defaultDeliveryTiming, startDeliveryWorker } from '../../src/webhooks/delivery-worker.ts'

/*
 * A node in a process of its own that changes accounts and sends webhooks until it is killed. Without `writes` it only
 * sends.
 */

/** What the process is started with. */
export interface WebhookProcessSettings {
  readonly location: DatabaseLocation
  readonly masterKey: string
  readonly environmentId: string
  readonly writes: boolean
}

async function main(settings: WebhookProcessSettings): Promise<void> {
  const database = await openDatabase(settings.location, () => {})
  const { db } = database
  const keyEncryption = masterKeys({ primary: new Secret(settings.masterKey), older: [] })
  const vault = await openVault({ db, keyEncryption })
  const guard = createAddressGuard(['127.0.0.0/8'])
  await startDeliveryWorker(
    { db, vault, guard, providerEventTypes: {}, log: createLog('silent'), random: Math.random, actor: systemActor },
    {
      notifications: database.notifications,
      timing: {
        ...defaultDeliveryTiming,
        everyMs: 200,
        attemptMs: 2_000,
        leaseMs: 3_000,
        backoff: { firstMs: 20, maxMs: 200, minMs: 10 },
      },
      observe: () => {},
    },
  )
  process.on('disconnect', () => process.exit(1))
  process.send?.('ready')
  const { environmentId } = settings
  const events = { publish: () => {}, subscribe: () => {}, close: async () => {} }
  for (let count = 0; settings.writes; count++) {
    const name = { connectionName: 'notion', identifier: `${process.pid}-${count}` }
    const { account } = await getOrCreateConnectedAccount({ db, events, actor: systemActor }, environmentId, name)
    for (const [to, reason] of [
      ['PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION'],
      ['REVOKED', 'REVOKED_AT_PROVIDER'],
    ] as const) {
      await db
        .transaction()
        .execute((trx) => changeStatus(trx, { environmentId, accountId: account.id, to, reason, actor: systemActor }))
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

await main(JSON.parse(process.argv[2] ?? '{}') as WebhookProcessSettings)
