import { randomBytes } from 'node:crypto'
import { systemActor } from '../../src/audit/audit-log.ts'
import { noRowCache } from '../../src/db/changed-rows.ts'
import type { Database } from '../../src/db/database.ts'
import { authenticate } from '../../src/environments/authenticate.ts'
import type { EnvironmentsContext } from '../../src/environments/context.ts'
import type { Viewer } from '../../src/environments/viewer.ts'
import { createLog } from '../../src/log.ts'
import { Secret } from '../../src/vault/secret.ts'

/** What operations on environments need, with server secrets of the test's own. */
export function environmentsContext(database: Database): EnvironmentsContext {
  const secret = () => new Secret(randomBytes(32).toString('base64url'))
  return {
    actor: systemActor,
    db: database.db,
    apiKeyPepper: secret(),
    userSessionKey: secret(),
    bindingKey: secret(),
    publicUrl: 'https://valetkey.example',
    log: createLog('silent'),
    credentials: noRowCache,
    known: new Map(),
  }
}

/** The viewer of a credential; throws when it is not accepted. */
export async function viewerOf(context: EnvironmentsContext, credential: Secret): Promise<Viewer> {
  const found = await authenticate(context, `Bearer ${credential.reveal()}`)
  if (found.kind !== 'viewer') throw new Error(`not accepted: ${JSON.stringify(found)}`)
  return found.viewer
}

/** The reason why a credential is not accepted; `viewer` or `anonymous` when there is none. */
export async function refusalOf(context: EnvironmentsContext, header: string | null): Promise<string> {
  const found = await authenticate(context, header)
  return found.kind === 'refused' ? found.reason : found.kind
}
