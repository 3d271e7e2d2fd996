import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import { storeKey } from '../../src/content-index/claims.ts'
import { storeDocuments } from '../../src/content-index/crawl-store.ts'
import { deriveIndexKey, indexKeyContext, newIndexKey } from '../../src/content-index/index-key.ts'
import { defaultIndexLimits, type IndexLease } from '../../src/content-index/index-rows.ts'
import { mergeSegments } from '../../src/content-index/segments.ts'
import type { Db } from '../../src/db/database.ts'
import { samplePage } from '../../src/notion/sample-page.ts'
import type { Vault } from '../../src/vault/vault.ts'
import { pageOf } from './notion-bodies.ts'
import { type CorpusPage, language } from './search-corpus.ts'
import { identifierOf } from './valetkey.ts'

/** Documents that are stored together, as by the crawler. */
const batchSize = 12

/**
 * Creates the index of the grant of an account with these pages, as the crawler would, and as complete. No crawler works on
 * it, and every page counts as just returned by Notion for a day.
 */
export async function fillIndex(
  { db, vault }: { readonly db: Db; readonly vault: Vault },
  account: number,
  pages: readonly CorpusPage[],
): Promise<void> {
  const lease = await newIndex(db, account)
  const newKey = newIndexKey()
  await storeKey(db, lease, await vault.seal(newKey, indexKeyContext(lease)))
  const key = { ...deriveIndexKey(newKey), sample: samplePage }
  const { rows } = await sql<{ tomorrow: Date }>`select now() + interval '1 day' as tomorrow`.execute(db)
  const readAt = rows[0]?.tomorrow ?? new Date()
  for (let from = 0; from < pages.length; from += batchSize) {
    const documents = pages.slice(from, from + batchSize).map(({ id: objectId, title, text, editedAt }) => {
      const object = pageOf(objectId, title, editedAt)
      return {
        objectId,
        editedAt,
        readAt,
        content: { title, text, comments: '', language, object, isPart: false },
      }
    })
    await storeDocuments(db, lease, key, documents, defaultIndexLimits)
    await mergeSegments(db, lease, key, { isIdle: false })
  }
  await mergeSegments(db, lease, key, { isIdle: true })
  // As Postgres does while a crawler reads at the rate of Notion's limit, which takes minutes.
  await sql`vacuum content_documents`.execute(db)
  await sql`vacuum content_segments`.execute(db)
  await sql`
    update content_indexes set pages = documents, last_completed_at = now(), listed_through = now(), lease_until = null,
      next_at = now() + interval '1 year', next_full_at = now() + interval '1 year'
    where id = ${lease.indexId}
  `.execute(db)
}

async function newIndex(db: Db, account: number): Promise<IndexLease> {
  const indexId = randomUUID()
  const { rows } = await sql<{ environmentId: string; grantId: string }>`
    insert into content_indexes (id, environment_id, grant_id, lease_owner, lease_until, fence, next_at)
    select ${indexId}, environment_id, grant_id, 'bench', now() + interval '1 day', 1, now() + interval '1 day'
    from connected_accounts where identifier = ${identifierOf(account)}
    returning environment_id as "environmentId", grant_id as "grantId"
  `.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error(`The account ${account} does not exist.`)
  return { indexId, ...row, fence: 1, leaseMs: 86_400_000 }
}

/** The bytes of parts of a database on disk, with their indexes. */
export interface IndexSizes {
  readonly documents: number
  readonly segments: number
  readonly fullText: number
}

/** Reads the sizes after what is left of the inserts was cleaned up. */
export async function sizesOf(databaseUrl: string): Promise<IndexSizes> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query('vacuum analyze content_documents')
    await client.query('vacuum analyze content_segments')
    const { rows } = await client.query<Record<keyof IndexSizes, string>>(
      `select pg_total_relation_size('content_documents') as documents,
         pg_total_relation_size('content_segments') as segments,
         pg_total_relation_size('bench_pages') as "fullText"`,
    )
    const [row] = rows
    return {
      documents: Number(row?.documents),
      segments: Number(row?.segments),
      fullText: Number(row?.fullText),
    }
  } finally {
    await client.end()
  }
}
