import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ConnectedAccount, GrantKey } from '../../src/accounts/connected-account.ts'
import { sealPair } from '../../src/accounts/grants/token-pair.ts'
import { Secret } from '../../src/vault/secret.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { gate } from '../tools/provider.ts'
import { connectAccount, newEnvironment, startCluster, type TestCluster } from './support.ts'

describe('renewed pairs that come at the same time', () => {
  const users = ['ann', 'ben', 'eve', 'joe']
  let sandbox: RunningSandbox
  let cluster: TestCluster
  let grants: readonly GrantKey[]
  const context = () => cluster.node.context
  const db = () => cluster.node.context.db
  const keyOf = ({ environmentId, grant }: ConnectedAccount): GrantKey => ({ environmentId, grantId: grant?.id ?? '' })

  beforeAll(async () => {
    sandbox = await startSandbox()
    cluster = await startCluster(sandbox)
  })
  beforeEach(async () => {
    await sandbox.control('reset')
    const accounts = []
    // Of different tenants, whose pairs share a statement as well.
    for (const user of users)
      accounts.push(await connectAccount(context(), sandbox, await newEnvironment(context()), user))
    grants = accounts.map(keyOf)
  })
  afterAll(async () => {
    await cluster.close()
    await sandbox.close()
  })

  const pairOf = async (grant: GrantKey, version = 1) => ({
    ...grant,
    status: 'active' as const,
    version,
    sealed: await sealPair(context().vault, grant, version + 1, {
      accessToken: new Secret(`ntn_of_${grant.grantId}`),
      refreshToken: new Secret(`nrt_of_${grant.grantId}`),
    }),
    issuedAt: null,
    expiresInSeconds: 3_600,
    learnedLifetimeSeconds: null,
  })
  const pairs = () => Promise.all(grants.map((grant) => pairOf(grant)))
  /** The grants in the order of the users, each with the transaction that wrote it last. */
  const rows = async () => {
    const ids = grants.map(({ grantId }) => grantId)
    const { rows } = await sql<{ version: number; access_token: string; by: string }>`
      select version, access_token, xmin::text as by from grants
      where id = any (${ids}::uuid[]) order by array_position(${ids}::uuid[], id)
    `.execute(db())
    return rows
  }

  it('are stored by one statement, each in its own grant', async () => {
    const updates = await pairs()
    expect(await Promise.all(updates.map((update) => context().storePair(update)))).toEqual(users.map(() => true))
    const stored = await rows()
    expect(stored.map((row) => row.access_token)).toEqual(updates.map(({ sealed }) => sealed.access_token))
    expect(stored.map(({ version }) => version)).toEqual(users.map(() => 2))
    expect(new Set(stored.map(({ by }) => by)).size).toBe(1)
  })

  it('do not wait for one whose grant is locked, and that one waits for its lock', async () => {
    const [locked, over] = [gate(), gate()]
    const [held, ...others] = await pairs()
    const holder = db()
      .transaction()
      .execute(async (trx) => {
        await trx
          .selectFrom('grants')
          .select('id')
          .where('id', '=', held?.grantId ?? '')
          .forUpdate()
          .execute()
        locked.open()
        await over.opened
      })
    await locked.opened
    let waits = true
    const waiting =
      held &&
      context()
        .storePair(held)
        .finally(() => (waits = false))
    expect(await Promise.all(others.map((update) => context().storePair(update)))).toEqual([true, true, true])
    expect(waits).toBe(true)
    over.open()
    await holder
    expect(await waiting).toBe(true)
    expect((await rows()).map(({ version }) => version)).toEqual([2, 2, 2, 2])
  })

  it('are not reported as stored when they were not, also when two are for the same grant', async () => {
    const [grant] = grants
    if (!grant) throw new Error('There is no grant.')
    const rivals = [await pairOf(grant), await pairOf(grant), await pairOf(grant, 7)]
    const stored = await Promise.all(rivals.map((update) => context().storePair(update)))
    expect(stored.filter(Boolean)).toHaveLength(1)
    const [row] = await rows()
    expect(row?.version).toBe(2)
    expect(row?.access_token).toBe(rivals[stored.indexOf(true)]?.sealed.access_token)
  })

  it('fail alone when the database refuses one of them', async () => {
    const [refused, ...others] = await pairs()
    if (!refused) throw new Error('There is no grant.')
    // JSON can hold what a text column cannot.
    const broken = { ...refused, sealed: { ...refused.sealed, access_token: 'a\u0000b' } }
    const [failed, ...rest] = await Promise.allSettled([broken, ...others].map((update) => context().storePair(update)))
    expect(failed?.status).toBe('rejected')
    expect(rest).toEqual(others.map(() => ({ status: 'fulfilled', value: true })))
    expect((await rows()).map(({ version }) => version)).toEqual([1, 2, 2, 2])
  })
})
