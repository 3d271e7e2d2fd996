import { sql } from 'kysely'
import type { Db } from '../../db/database.ts'
import type { KeyEncryption } from '../../vault/key-encryption.ts'
import { testKeyEncryption } from '../../vault/key-ring.ts'
import { keyStatus } from '../../vault/rotate-keys.ts'
import { sealedColumns } from '../sealed-columns.ts'
import { error, type Finding, ok, warning } from './finding.ts'

/** Checks that the master key or the key service opens this database, and which keys it still needs. */
export async function keys(db: Db, keyEncryption: KeyEncryption): Promise<readonly Finding[]> {
  const { setting, id } = keyEncryption
  const wrapping = await testKeyEncryption(db, keyEncryption)
  const findings: Finding[] = [
    ok('keys', `${setting.charAt(0).toUpperCase()}${setting.slice(1)} encrypts and opens what this database holds.`),
  ]
  const older = wrapping.filter((kek) => kek !== id)
  if (older.length > 0) {
    const message = `Data keys are still wrapped by older keys: ${older.join(', ')}.`
    const fix = `Run npm run valetkey -- keys rotate before you remove an older key from ${setting}.`
    findings.push(warning('keys', message, fix))
  }
  for (const { kid, state, ciphertexts } of await keyStatus(db, sealedColumns)) {
    if (state === 'retired' && ciphertexts > 0) {
      const message = `The retired data key ${kid} is needed by ${ciphertexts} ciphertexts, which do not open.`
      findings.push(error('keys', message, 'Disconnect their accounts, or register their OAuth apps again.'))
    }
    if (state === 'decrypt_only') {
      const message = `A rotation has not ended: the data key ${kid} is used by ${ciphertexts} ciphertexts.`
      findings.push(warning('keys', message, 'Run npm run valetkey -- keys rotate again.'))
    }
  }
  return findings
}

/** Lists the OAuth apps that their provider rejects. */
export async function oauthApps(db: Db): Promise<readonly Finding[]> {
  const apps = await db
    .selectFrom('oauth_apps')
    .innerJoin('environments', 'environments.id', 'oauth_apps.environment_id')
    .select([
      'connection_name as name',
      'environments.name as environment',
      'rejected_at as at',
      'rejected_code as code',
    ])
    .orderBy('rejected_at')
    .execute()
  const rejected = apps.filter(({ at }) => at !== null)
  if (apps.length === 0) {
    const fix = 'Register one with: npm run valetkey -- oauth-apps register.'
    return [warning('oauth apps', 'There is no OAuth app: no user can authorize.', fix)]
  }
  if (rejected.length === 0) return [ok('oauth apps', `${apps.length} registered, none rejected.`)]
  return rejected.map(({ name, environment, at, code }) => {
    const message = `The provider rejects "${name}" of the environment "${environment}" since ${at?.toISOString()} (${code ?? 'without a code'}).`
    const fix = `Correct its client ID and secret with: npm run valetkey -- oauth-apps update ${name} --environment '${environment}'.`
    return error('oauth apps', message, fix)
  })
}

/** Counts the webhook deliveries that were given up, and those that wait. */
export async function webhooks(db: Db): Promise<readonly Finding[]> {
  const { failed, waiting } = await db
    .selectFrom('webhook_deliveries')
    .select([
      sql<number>`count(*) filter (where status = 'FAILED')`.as('failed'),
      sql<number>`count(*) filter (where status = 'PENDING' and occurred_at < clock_timestamp() - interval '1 hour')`.as(
        'waiting',
      ),
    ])
    .executeTakeFirstOrThrow()
  const findings: Finding[] = []
  if (failed > 0) {
    const fix = 'Fix the endpoints, then send them again with the mutation replayWebhookDeliveries.'
    findings.push(warning('webhooks', `${failed} deliveries were given up.`, fix))
  }
  if (waiting > 0) {
    const message = `${waiting} deliveries wait for more than an hour.`
    findings.push(warning('webhooks', message, 'Check that the endpoints answer, and that a server runs.'))
  }
  return findings.length > 0 ? findings : [ok('webhooks', 'No delivery was given up or is late.')]
}
