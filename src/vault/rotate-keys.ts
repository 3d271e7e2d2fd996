import { setTimeout as sleep } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import { type Actor, type AuditAction, recordAudit } from '../audit/audit-log.ts'
import type { Db, Trx } from '../db/database.ts'
import type { Tables } from '../db/tables.ts'
import { protectedHeader } from './ciphertext.ts'
import type { KeyEncryption } from './key-encryption.ts'
import { insertDataKey } from './key-ring.ts'
import type { OpenedVault } from './open-vault.ts'
import type { SealingContext } from './vault.ts'
import { VaultError } from './vault-error.ts'

/** A column with ciphertexts, and how to rebuild the sealing context of each. */
export interface SealedColumn {
  readonly table: keyof Tables
  readonly column: string
  /** The columns of the primary key; rows are read in their order. */
  readonly key: readonly string[]
  /** Further columns that {@link SealedColumn.context} requires. */
  readonly reads: readonly string[]
  readonly context: (row: Readonly<Record<string, unknown>>) => SealingContext
}

/** The progress of a rotation, reported after each step and batch. */
export type RotationProgress =
  /** `isNewWrapping`: the primary key is wrapped by another key-encryption key, which nodes may have alone. */
  | { readonly step: 'added'; readonly kid: string; readonly isNewWrapping: boolean }
  | { readonly step: 'promoted' | 'retired'; readonly kid: string }
  | { readonly step: 'waiting'; readonly seconds: number }
  | { readonly step: 'rewrapped'; readonly rows: number; readonly of: number }

/** The result of a rotation. `unreadable` ciphertexts open with no key; they are unchanged, and their key is not retired. */
export interface RotationResult {
  readonly primary: string
  readonly retired: readonly string[]
  /** Old keys that were not retired, because ciphertexts still use them. */
  readonly stillUsed: readonly string[]
  /** Keys in use that another key-encryption key than the first configured one wraps. It is still required. */
  readonly wrappedByOthers: readonly string[]
  readonly rewrapped: number
  readonly unreadable: number
}

/** The parameters of a rotation. */
export interface RotationOptions {
  readonly db: Db
  readonly vault: OpenedVault
  readonly keyEncryption: KeyEncryption
  readonly columns: readonly SealedColumn[]
  /** Who rotates. Each change of the key table is recorded in the audit log. */
  readonly actor: Actor
  readonly onProgress: (progress: RotationProgress) => void
  /** Milliseconds in which every node notices a change of the key table. */
  readonly settleMs: number
  /** Rows per batch. Default 200. */
  readonly batchSize?: number
}

/**
 * Rotates the vault's data key while the servers run. Adds a new key that only decrypts, promotes it, re-encrypts every
 * ciphertext with it, and retires the old keys that no ciphertext uses, with their material erased. Resumes an interrupted
 * rotation from the state of the key table; starts a new rotation if only unreadable ciphertexts are left of the last one, or
 * if another key-encryption key wraps its primary key. Each new data key is wrapped by the first configured key-encryption
 * key, so that a rotation also replaces that key.
 */
export async function rotateKeys(options: RotationOptions): Promise<RotationResult> {
  const { db, vault, onProgress } = options
  const settle = async () => {
    onProgress({ step: 'waiting', seconds: Math.ceil(options.settleMs / 1000) })
    await sleep(options.settleMs)
    await vault.reload()
  }
  const before = await readKeys(db)
  const isCurrent = ({ kekId }: { readonly kekId: string }) => kekId === options.keyEncryption.id
  const isNewWrapping = !before.some((key) => key.state === 'primary' && isCurrent(key))
  // An old primary key that still decrypts: its rotation was interrupted, or left unreadable ciphertexts. When the primary key
  // must be replaced anyway, a new rotation re-encrypts what that one left as well.
  if (!isNewWrapping && before.some((key) => key.state === 'decrypt_only' && key.promoted)) {
    const resumed = await rewrapAndRetire(options, settle)
    if (resumed.rewrapped > 0 || resumed.retired.length > 0) return resumed
  }
  const unused = before.find((key) => key.state === 'decrypt_only' && !key.promoted && isCurrent(key))
  const added = unused?.kid ?? (await addKey(options))
  onProgress({ step: 'added', kid: added, isNewWrapping })
  await settle()
  await promote(options, added)
  onProgress({ step: 'promoted', kid: added })
  return rewrapAndRetire(options, settle)
}

/** Re-encrypts everything with the primary key and retires the other keys. */
async function rewrapAndRetire(options: RotationOptions, settle: () => Promise<void>): Promise<RotationResult> {
  const { db, vault, keyEncryption, onProgress } = options
  await vault.reload()
  const keys = await readKeys(db)
  const primary = keys.find((key) => key.state === 'primary')?.kid
  if (primary === undefined) throw new VaultError('unknown_key', 'The vault has no primary data key.')
  // A key that was never promoted has no ciphertexts and may be the next primary key, unless another key wraps it.
  const isOld = (key: (typeof keys)[number]) => key.promoted || key.kekId !== keyEncryption.id
  const old = keys.filter((key) => key.state === 'decrypt_only' && isOld(key)).map((key) => key.kid)

  const counts = { rewrapped: 0, unreadable: 0 }
  await rewrapAll(options, primary, counts)
  // Nodes that had not noticed the promotion encrypted with the old key until now.
  await settle()
  const retired: string[] = []
  for (let left = 1; left > 0; ) {
    counts.unreadable = 0
    await rewrapAll(options, primary, counts)
    left = 0
    for (const kid of old) {
      if (retired.includes(kid)) continue
      const remaining = await retire(options, kid)
      left += remaining
      if (remaining > 0) continue
      retired.push(kid)
      onProgress({ step: 'retired', kid })
    }
    // Ciphertexts that were stored meanwhile are re-encrypted in another round; unreadable ones remain.
    left -= counts.unreadable
  }
  await vault.reload()
  const wrappedByOthers = (await readKeys(db))
    .filter((key) => key.state !== 'retired' && key.kekId !== keyEncryption.id)
    .map((key) => key.kid)
  return { primary, retired, stillUsed: old.filter((kid) => !retired.includes(kid)), wrappedByOthers, ...counts }
}

/** A data key with the number of ciphertexts that use it. */
export interface KeyStatus {
  readonly kid: string
  readonly state: 'primary' | 'decrypt_only' | 'retired'
  readonly keyEncryptionKey: string
  readonly createdAt: Date
  readonly ciphertexts: number
}

/** Returns all data keys, newest first. */
export async function keyStatus(db: Db, columns: readonly SealedColumn[]): Promise<readonly KeyStatus[]> {
  const keys = await db.selectFrom('vault_keys').selectAll().orderBy('created_at', 'desc').execute()
  const counts: { readonly header: string; readonly count: number }[] = []
  for (const column of columns) {
    const { rows } = await sql<(typeof counts)[number]>`
      select ${headerIn(column)} as header, count(*)::int as count from ${sql.table(column.table)}
      where ${headerIn(column)} is not null group by 1
    `.execute(db)
    counts.push(...rows)
  }
  return keys.map((key) => ({
    kid: key.kid,
    state: key.state,
    keyEncryptionKey: key.kek_id,
    createdAt: key.created_at,
    ciphertexts: counts
      .filter(({ header }) => header === protectedHeader(key.kid))
      .reduce((sum, { count }) => sum + count, 0),
  }))
}

function addKey({ db, keyEncryption, actor }: RotationOptions): Promise<string> {
  return db.transaction().execute(async (trx) => {
    const kid = await insertDataKey(trx, keyEncryption, 'decrypt_only')
    if (kid === null) throw new VaultError('unknown_key', 'The new data key could not be stored.')
    await record(trx, actor, 'vault_key.added', kid)
    return kid
  })
}

const record = (trx: Trx, actor: Actor, action: AuditAction, kid: string) =>
  recordAudit(trx, actor, { environmentId: null, action, target: null, after: { kid } })

async function promote({ db, actor }: RotationOptions, kid: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // In this order: a unique index allows one primary key at a time.
    await trx.updateTable('vault_keys').set({ state: 'decrypt_only' }).where('state', '=', 'primary').execute()
    await trx
      .updateTable('vault_keys')
      .set({ state: 'primary', promoted_at: sql`clock_timestamp()` })
      .where('kid', '=', kid)
      .where('state', '=', 'decrypt_only')
      .returning('kid')
      .executeTakeFirstOrThrow()
    await record(trx, actor, 'vault_key.promoted', kid)
  })
}

/** Retires a key and erases its material if no ciphertext uses it. Returns the number of ciphertexts that use it. */
async function retire({ db, columns, actor }: RotationOptions, kid: string): Promise<number> {
  return db.transaction().execute(async (trx) => {
    // A transaction that stores a ciphertext of this key holds a share lock of this row until it commits.
    await trx.selectFrom('vault_keys').select('kid').where('kid', '=', kid).forUpdate().executeTakeFirstOrThrow()
    const remaining = await countCiphertexts(trx, columns, (column) => usesKey(column, kid))
    if (remaining > 0) return remaining
    await trx
      .updateTable('vault_keys')
      .set({ state: 'retired', wrapped_key: null, retired_at: sql`clock_timestamp()` })
      .where('kid', '=', kid)
      .where('state', '=', 'decrypt_only')
      .execute()
    await record(trx, actor, 'vault_key.retired', kid)
    return 0
  })
}

async function rewrapAll(
  options: RotationOptions,
  primary: string,
  counts: { rewrapped: number; unreadable: number },
): Promise<void> {
  const of = await countCiphertexts(options.db, options.columns, (column) => sql`not ${usesKey(column, primary)}`)
  let rows = 0
  for (const column of options.columns) {
    let after: readonly unknown[] | null = null
    for (;;) {
      const batch: readonly Row[] = await readBatch(options, column, primary, after)
      const last = batch.at(-1)
      if (!last) break
      after = column.key.map((name) => last[name])
      const results = await Promise.all(batch.map((row) => rewrap(options, column, row)))
      counts.rewrapped += results.filter((result) => result === 'rewrapped').length
      counts.unreadable += results.filter((result) => result === 'unreadable').length
      rows += batch.length
      options.onProgress({ step: 'rewrapped', rows, of: Math.max(of, rows) })
    }
  }
}

type Row = Readonly<Record<string, unknown>>

async function readBatch(
  { db, batchSize = 200 }: RotationOptions,
  column: SealedColumn,
  primary: string,
  after: readonly unknown[] | null,
): Promise<readonly Row[]> {
  const names = [...new Set([...column.key, ...column.reads, column.column])]
  const key = sql.join(column.key.map((name) => sql.ref(name)))
  const { rows } = await sql<Row>`
    select ${sql.join(names.map((name) => sql.ref(name)))}
    from ${sql.table(column.table)}
    where not ${usesKey(column, primary)}
      and ${after === null ? sql`true` : sql`(${key}) > (${sql.join([...after])})`}
    order by ${key}
    limit ${batchSize}
  `.execute(db)
  return rows
}

async function rewrap(
  { db, vault }: RotationOptions,
  column: SealedColumn,
  row: Row,
): Promise<'rewrapped' | 'changed' | 'unreadable'> {
  const sealed = String(row[column.column])
  let reencrypted: string
  try {
    const context = column.context(row)
    reencrypted = await vault.seal(await vault.open(sealed, context), context)
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    return 'unreadable'
  }
  const isRow = sql.join(
    column.key.map((name) => sql`${sql.ref(name)} = ${row[name]}`),
    sql` and `,
  )
  // Compare with the ciphertext that was read, so that a newer one is not overwritten.
  const { numAffectedRows } = await sql`
    update ${sql.table(column.table)} set ${sql.ref(column.column)} = ${reencrypted}
    where ${isRow} and ${sql.ref(column.column)} = ${sealed}
  `.execute(db)
  return numAffectedRows === 1n ? 'rewrapped' : 'changed'
}

async function countCiphertexts(
  db: Db,
  columns: readonly SealedColumn[],
  condition: (column: SealedColumn) => RawBuilder<unknown>,
): Promise<number> {
  let total = 0
  for (const column of columns) {
    const { rows } = await sql<{ count: number }>`
      select count(*)::int as count from ${sql.table(column.table)} where ${condition(column)}
    `.execute(db)
    total += rows[0]?.count ?? 0
  }
  return total
}

/** The header of a ciphertext, which names its key. Null for an absent one. */
const headerIn = (column: SealedColumn) => sql`split_part(nullif(${sql.ref(column.column)}, ''), '.', 1)`

/** Null for an absent ciphertext, so that it matches neither this condition nor its negation. */
const usesKey = (column: SealedColumn, kid: string) => sql`${headerIn(column)} = ${protectedHeader(kid)}`

async function readKeys(db: Db) {
  const rows = await db
    .selectFrom('vault_keys')
    .select(['kid', 'state', 'kek_id', 'promoted_at'])
    .orderBy('created_at')
    .execute()
  return rows.map((row) => ({ kid: row.kid, state: row.state, kekId: row.kek_id, promoted: row.promoted_at !== null }))
}
