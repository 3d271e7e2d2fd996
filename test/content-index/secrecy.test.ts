import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemActor } from '../../src/audit/audit-log.ts'
import { sealedColumns } from '../../src/cli/sealed-columns.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault, ringRefreshMs } from '../../src/vault/open-vault.ts'
import { rotateKeys } from '../../src/vault/rotate-keys.ts'
import { Secret } from '../../src/vault/secret.ts'
import { type IndexedApp, idsOf, newPage, passed, search, startIndexed } from './support.ts'

let app: IndexedApp
beforeAll(async () => {
  app = await startIndexed()
  await app.connect('user')
})
afterAll(() => app.stop())

const words = {
  titles: ['Heliotropium', 'Vulkanologe', '潜水艦計画', 'Überschallflug'],
  contents: [
    'zeppelinhangar',
    'QUETZALCOATLUS',
    'schwefelwasserstoff',
    '我们明天在火星开会',
    'ดาวเสาร์อังคาร',
    'naïveté-Straße',
  ],
  comments: ['Magnetohydrodynamik', '彗星観測'],
}

/** A word as it is, folded, and in the encodings of a text that it may be a part of. */
function spellings(word: string): readonly string[] {
  const cases = [word, word.toLowerCase(), word.toUpperCase(), word.normalize('NFD')]
  const encoded = cases.flatMap((one) => {
    // Each position of the word in a longer text, without what depends on its neighbors.
    const base64 = [0, 1, 2].map((shift) => {
      const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(one)]).toString('base64')
      return text
        .slice(shift === 0 ? 0 : shift + 1)
        .replace(/=+$/, '')
        .slice(0, -1)
    })
    return [
      one,
      Buffer.from(one).toString('hex'),
      ...base64,
      ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    ]
  })
  return [...new Set(encoded)]
}

/** Every row of every table, as Postgres writes it as text. */
async function dump(): Promise<ReadonlyMap<string, string>> {
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables where table_schema = 'public'`.execute(app.db)
  const texts = new Map<string, string>()
  for (const { name } of tables) {
    const { rows } = await sql<{ text: string }>`
      select coalesce(string_agg(one::text, chr(10)), '') as text from ${sql.table(name)} one`.execute(app.db)
    texts.set(name, rows[0]?.text ?? '')
  }
  return texts
}

it('the spellings of a word are found wherever it is in a longer text', () => {
  for (const text of ['zeppelinhangar', 'a zeppelinhangar', 'to zeppelinhangar and', '{"zeppelinhangar"}']) {
    for (const encoding of ['utf8', 'hex', 'base64', 'base64url'] as const) {
      const encoded = Buffer.from(text).toString(encoding)
      expect([text, encoding, spellings('zeppelinhangar').some((one) => encoded.includes(one))]).toEqual([
        text,
        encoding,
        true,
      ])
    }
  }
})

it('no word of an indexed page is in the database, in any table and any spelling', async () => {
  for (const [at, title] of words.titles.entries()) {
    const parent = await newPage(app, title, `${words.contents.join(' and ')}\n\nPage ${at}.`)
    const comment = { parent, comment: words.comments.join(' and ') }
    expect(await app.executeTool('user', 'notion_comment_create', comment)).toMatchObject({
      __typename: 'ExecuteToolPayload',
    })
  }
  await passed(app, 'user')
  for (const word of [...words.titles, ...words.contents, ...words.comments]) {
    const { results, content_search } = await search(app, { query: word })
    expect([word, results.length > 0, content_search.source]).toEqual([word, true, 'index'])
  }
  const texts = await dump()
  expect(texts.get('content_documents')?.length).toBeGreaterThan(10_000)
  expect(texts.get('content_segments')?.length).toBeGreaterThan(1_000)
  // The dump would show a word: it has the identifier of the account.
  expect(texts.get('connected_accounts')).toContain('user')
  const found = [...words.titles, ...words.contents, ...words.comments].flatMap((word) =>
    [...texts].flatMap(([table, text]) =>
      spellings(word).some((one) => text.includes(one)) ? [`${word} in ${table}`] : [],
    ),
  )
  expect(found).toEqual([])
})

it('a rotation of the vault re-encrypts the keys of indexes, and searches go on', async () => {
  const sealedKey = async () =>
    (await sql<{ key: string }>`select sealed_key as key from content_indexes`.execute(app.db)).rows[0]?.key ?? ''
  const before = await sealedKey()
  const [masterKey = ''] = app.config.masterKeys ?? []
  const keyEncryption = masterKeys({ primary: new Secret(masterKey), older: [] })
  const vault = await openVault({ db: app.db, keyEncryption })
  const { unreadable } = await rotateKeys({
    db: app.db,
    vault,
    keyEncryption,
    columns: sealedColumns,
    actor: systemActor,
    onProgress: () => {},
    settleMs: ringRefreshMs * 1.5,
  })
  vault.close()
  expect(unreadable).toBe(0)
  const after = await sealedKey()
  expect(after.split('.')[0]).not.toBe(before.split('.')[0])
  const found = await search(app, { query: 'zeppelinhangar' })
  expect(idsOf([found])).toHaveLength(words.titles.length)
  expect(found.content_search.source).toBe('index')
})
