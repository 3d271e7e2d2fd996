import { setTimeout as sleep } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../db/database.ts'
import type { Tables } from '../db/tables.ts'
import type { KeyEncryption } from './key-encryption.ts'
import { insertDataKey } from './key-ring.ts'
import type { OpenedVault } from './open-vault.ts'
import { sealedHeader } from './sealed-text.ts'
import type { SealingContext } from './vault.ts'
import { VaultError } from './vault-error.ts'

/** A column that holds sealed texts, and what each of them is sealed for. */
export interface SealedColumn {
  readonly table: keyof Tables
  readonly column: string
  /** The columns that name a row; they are walked along. */
  readonly key: readonly string[]
  /** Further columns that {@link SealedColumn.context} reads. */
  readonly reads: readonly string[]
  readonly context: (row: Readonly<Record<string, unknown>>) => SealingContext
}

/** Where a rotation is, told after each batch. */
export type RotationProgress =
  | { readonly step: 'added' | 'promoted' | 'retired'; readonly kid: string }
  | { readonly step: 'waiting'; readonly seconds: number }
  | { readonly step: 'rewrapped'; readonly rows: number; readonly of: number }

/** What a rotation came to. `unreadable` texts open under no key; they are as they were, and keep their key alive. */
export interface RotationResult {
  readonly primary: string
  readonly retired: readonly string[]
  /** Old keys that could not be retired, because texts are left under them. */
  readonly kept: readonly string[]
  readonly rewrapped: number
  readonly unreadable: number
}

/** What a rotation works with. */
export interface RotationOptions {
  readonly db: Db
  readonly vault: OpenedVault
  readonly keyEncryption: KeyEncryption
  readonly columns: readonly SealedColumn[]
  readonly onProgress: (progress: RotationProgress) => void
  /** How long every node is given to notice a change of the key table, in milliseconds. */
  readonly settleMs: number
  /** Rows that are read at once. Default 200. */
  readonly batchSize?: number
}

/**
 * Rotates the vault's data key while everything runs: a new key is added for opening, then promoted to seal, then every
 * stored text is sealed anew under it, and the old keys are retired when nothing is left under them, their material
 * erased. An interrupted rotation is taken up where the key table says that it stopped; where nothing but unreadable texts
 * is left of an earlier one, they do not stand in the way of a new one. As each new data key is wrapped
 * by the first configured key-encryption key, this is also how that one is replaced.
 */
export async function rotateKeys(options: RotationOptions): Promise<RotationResult> {
  const { db, vault, onProgress } = options
  const settle = async () => {
    onProgress({ step: 'waiting', seconds: Math.ceil(options.settleMs / 1000) })
    await sleep(options.settleMs)
    await vault.reload()
  }
  const before = await readKeys(db)
  // A key that was promoted once and still opens: the rotation behind it is in its rewrapping, or left texts behind.
  if (before.some((key) => key.state === 'decrypt_only' && key.promoted)) {
    const resumed = await rewrapAndRetire(options, settle)
    if (resumed.rewrapped > 0 || resumed.retired.length > 0) return resumed
  }
  const added = before.find((key) => key.state === 'decrypt_only' && !key.promoted)?.kid ?? (await addKey(options))
  onProgress({ step: 'added', kid: added })
  await settle()
  await promote(db, added)
  onProgress({ step: 'promoted', kid: added })
  return rewrapAndRetire(options, settle)
}

/** The second half of a rotation: everything goes under the primary key, and the others are retired. */
async function rewrapAndRetire(options: RotationOptions, settle: () => Promise<void>): Promise<RotationResult> {
  const { db, vault, onProgress } = options
  await vault.reload()
  const keys = await readKeys(db)
  const primary = keys.find((key) => key.state === 'primary')?.kid
  if (primary === undefined) throw new VaultError('unknown_key', 'The vault has no primary data key.')
  // A key that was never promoted has nothing under it and may be waiting for its turn.
  const old = keys.filter((key) => key.state === 'decrypt_only' && key.promoted).map((key) => key.kid)

  const counts = { rewrapped: 0, unreadable: 0 }
  await rewrapAll(options, primary, counts)
  // Nodes that had not noticed the promotion sealed under the old key until now.
  await settle()
  const retired: string[] = []
  for (let left = 1; left > 0; ) {
    counts.unreadable = 0
    await rewrapAll(options, primary, counts)
    left = 0
    for (const kid of old) {
      if (retired.includes(kid)) continue
      const texts = await retire(options, kid)
      left += texts
      if (texts > 0) continue
      retired.push(kid)
      onProgress({ step: 'retired', kid })
    }
    // Texts that came after they were looked for are sealed anew in another round; those that do not open stay.
    left -= counts.unreadable
  }
  await vault.reload()
  return { primary, retired, kept: old.filter((kid) => !retired.includes(kid)), ...counts }
}

/** A data key with the number of texts that are sealed under it, for people who want to know how far a rotation is. */
export interface KeyStatus {
  readonly kid: string
  readonly state: 'primary' | 'decrypt_only' | 'retired'
  readonly keyEncryptionKey: string
  readonly createdAt: Date
  readonly texts: number
}

/** All data keys, newest first. */
export async function keyStatus(db: Db, columns: readonly SealedColumn[]): Promise<readonly KeyStatus[]> {
  const keys = await db.selectFrom('vault_keys').selectAll().orderBy('created_at', 'desc').execute()
  return Promise.all(
    keys.map(async (key) => ({
      kid: key.kid,
      state: key.state,
      keyEncryptionKey: key.kek_id,
      createdAt: key.created_at,
      texts: await countTexts(db, columns, (column) => sealedUnder(column, key.kid)),
    })),
  )
}

async function addKey({ db, keyEncryption }: RotationOptions): Promise<string> {
  const kid = await insertDataKey(db, keyEncryption, 'decrypt_only')
  if (kid === null) throw new VaultError('unknown_key', 'The new data key could not be stored.')
  return kid
}

async function promote(db: Db, kid: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // One after the other: an index keeps two primaries from existing at any moment.
    await trx.updateTable('vault_keys').set({ state: 'decrypt_only' }).where('state', '=', 'primary').execute()
    await trx
      .updateTable('vault_keys')
      .set({ state: 'primary', promoted_at: sql`clock_timestamp()` })
      .where('kid', '=', kid)
      .where('state', '=', 'decrypt_only')
      .returning('kid')
      .executeTakeFirstOrThrow()
  })
}

/** Erases a key that nothing is sealed under any more. Gives the number of texts that stand against it; 0: it is erased. */
async function retire({ db, columns }: RotationOptions, kid: string): Promise<number> {
  return db.transaction().execute(async (trx) => {
    // Who stores a text under this key holds a share of this row until the text is committed, and is counted below.
    await trx.selectFrom('vault_keys').select('kid').where('kid', '=', kid).forUpdate().executeTakeFirstOrThrow()
    const texts = await countTexts(trx, columns, (column) => sealedUnder(column, kid))
    if (texts > 0) return texts
    await trx
      .updateTable('vault_keys')
      .set({ state: 'retired', wrapped_key: null, retired_at: sql`clock_timestamp()` })
      .where('kid', '=', kid)
      .where('state', '=', 'decrypt_only')
      .execute()
    return 0
  })
}

async function rewrapAll(
  options: RotationOptions,
  primary: string,
  counts: { rewrapped: number; unreadable: number },
): Promise<void> {
  const of = await countTexts(options.db, options.columns, (column) => sql`not ${sealedUnder(column, primary)}`)
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
    where not ${sealedUnder(column, primary)}
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
  let fresh: string
  try {
    const context = column.context(row)
    fresh = await vault.seal(await vault.open(sealed, context), context)
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    return 'unreadable'
  }
  const isRow = sql.join(
    column.key.map((name) => sql`${sql.ref(name)} = ${row[name]}`),
    sql` and `,
  )
  // By the very text that was read: whoever has written a newer one in between keeps it.
  const { numAffectedRows } = await sql`
    update ${sql.table(column.table)} set ${sql.ref(column.column)} = ${fresh}
    where ${isRow} and ${sql.ref(column.column)} = ${sealed}
  `.execute(db)
  return numAffectedRows === 1n ? 'rewrapped' : 'changed'
}

async function countTexts(
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

/** Null for absent texts, which so meet neither this condition nor its negation. */
const sealedUnder = (column: SealedColumn, kid: string) =>
  sql`split_part(nullif(${sql.ref(column.column)}, ''), '.', 1) = ${sealedHeader(kid)}`

async function readKeys(db: Db) {
  const rows = await db.selectFrom('vault_keys').select(['kid', 'state', 'promoted_at']).orderBy('created_at').execute()
  return rows.map((row) => ({ kid: row.kid, state: row.state, promoted: row.promoted_at !== null }))
}
