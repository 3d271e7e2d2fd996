import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/run.ts'
import type { Db } from '../../src/db/database.ts'
import { startApp, type TestApp } from '../support/app.ts'

/* What a tenant is shown of rows that all tenants' rows are numbered with: nothing that moves when others work. */

let app: TestApp
let db: Db
/** The ADMIN key of a tenant next to the environment `default`, with an OAuth app and an account of its own. */
let tenant: string

beforeAll(async () => {
  app = await startApp({
    database: 'postgres',
    wrapDatabase: (handle) => {
      db = handle
      return handle
    },
  })
  const printed: string[] = []
  const env = {
    NODE_ENV: 'development',
    VALETKEY_DATA_DIR: app.config.dataDirectory,
    DATABASE_URL: app.config.databaseUrl ?? '',
  }
  const command = ['api-keys', 'create', '--environment', 'tenant', '--name', 'admin', '--scopes', 'ADMIN']
  expect(await run(command, env, (line) => printed.push(line), console.error)).toBe(0)
  tenant = printed.at(-1) ?? ''
  await app.graphql(
    `mutation ($url: URL!) {
      registerOAuthApp(input: { clientId: "tenant", clientSecret: "secret", confirmationUrl: $url }) { __typename }
    }`,
    { url: `${app.url}/connect/confirm` },
    tenant,
  )
  expect(await app.connect('theirs', { credential: tenant })).toBe('ACTIVE')
  expect(await app.connect('ours')).toBe('ACTIVE')
})
afterAll(() => app.stop())

const call = async (credential: string, identifier: string) => {
  const answer = await app.graphql(
    `mutation ($identifier: String!) { executeTool(input: { identifier: $identifier, toolName: "notion_user_self", toolInput: {} }) {
      ... on ExecuteToolPayload { execution { id } }
    } }`,
    { identifier },
    credential,
  )
  expect(answer.data['executeTool']).toMatchObject({ execution: { id: expect.any(String) } })
}

const page = 'edges { cursor } nodes { %s } pageInfo { startCursor endCursor }'
const everything = `query ($identifier: String!) {
  viewer { environment { id } } apiKeys { id } oauthApps { id }
  toolExecutions(first: 3) { ${page.replace('%s', 'id startedAt')} }
  connectedAccounts { ${page.replace('%s', 'id createdAt')} }
  connectedAccount(identifier: $identifier) { id transitions(first: 3) { ${page.replace('%s', 'at')} } }
}`

/** Each cursor and ID of an answer, by its place, and the times that the answer shows. */
async function shownTo(credential: string, identifier: string) {
  const { data, errors } = await app.graphql(everything, { identifier }, credential)
  expect(errors).toBeUndefined()
  const cursors: [place: string, cursor: string][] = []
  const ids: string[] = []
  const visit = (place: string, value: unknown) => {
    if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) visit(Array.isArray(value) ? place : `${place}.${key}`, member)
    } else if (/ursor$/.test(place)) cursors.push([place, String(value)])
    else if (place.endsWith('.id')) ids.push(String(value))
  }
  visit('', data)
  return { data, cursors, ids }
}

const counters = [
  ['tool_executions', 'sequence'],
  ['status_transitions', 'sequence'],
] as const

describe('the cursors and IDs of an environment', () => {
  it('contain no counter that work in another one moves', async () => {
    await call(tenant, 'theirs')
    const before = await shownTo(tenant, 'theirs')
    for (let made = 0; made < 5; made++) await call(app.apiKey, 'ours')
    for (const [table, column] of counters)
      await sql`alter table ${sql.table(table)} alter column ${sql.ref(column)} restart with 4000000000000000`.execute(
        db,
      )
    await call(tenant, 'theirs')
    await app.graphql(
      'mutation { disconnectConnectedAccount(input: { identifier: "theirs" }) { __typename } }',
      {},
      tenant,
    )
    const after = await shownTo(tenant, 'theirs')
    expect(await app.connect('theirs', { credential: tenant })).toBe('ACTIVE')

    const lengths = (shown: typeof before) => new Map(shown.cursors.map(([place, cursor]) => [place, cursor.length]))
    expect(lengths(after)).toEqual(lengths(before))
    expect(lengths(after).size).toBe(9)
    const numbers = await Promise.all(
      counters.map(([table, column]) =>
        sql<{ value: string }>`select ${sql.ref(column)}::text as value from ${sql.table(table)}`.execute(db),
      ),
    )
    const values = numbers.flatMap(({ rows }) => rows.map(({ value }) => value))
    expect(values.some((value) => value.length === 16)).toBe(true)
    for (const [, cursor] of [...before.cursors, ...after.cursors]) {
      // Text that is not hexadecimal is decoded up to its first other character, and the rest, such as "3", reads as a number.
      const encodings = ['utf8', 'base64url', 'hex'] as const
      const read = encodings
        .map((encoding) => ({ encoding, bytes: Buffer.from(cursor, encoding) }))
        .filter(({ encoding, bytes }) => bytes.toString(encoding) === cursor)
      expect(read.map(({ encoding }) => encoding)).toEqual(expect.arrayContaining(['utf8', 'base64url']))
      for (const { bytes } of read) {
        for (const value of values.filter((each) => each.length > 4)) {
          expect(bytes.includes(value)).toBe(false)
          const binary = Buffer.alloc(8)
          binary.writeBigUInt64BE(BigInt(value))
          expect(bytes.includes(binary)).toBe(false)
          expect(bytes.includes(binary.reverse())).toBe(false)
        }
        expect(() => JSON.parse(bytes.toString('utf8')) as unknown).toThrow()
      }
    }
    const executions = (shown: typeof before) =>
      (shown.data['toolExecutions'] as { nodes: { id: string; startedAt: string }[] }).nodes
    for (const id of [...before.ids, ...after.ids]) {
      const [, version] =
        /^\w+:[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/.exec(
          Buffer.from(id, 'base64').toString(),
        ) ?? []
      expect(version).toMatch(/[47]/)
    }
    // The time in the ID of a call is that of the call itself, which its owner knows.
    for (const { id, startedAt } of [...executions(before), ...executions(after)]) {
      const uuid = Buffer.from(id, 'base64').toString().replace('ToolExecution:', '').replaceAll('-', '')
      expect(Math.abs(Number.parseInt(uuid.slice(0, 12), 16) - Date.parse(startedAt))).toBeLessThan(60_000)
    }
  })

  it('lead from page to page, and the same item has the same cursor', async () => {
    for (let made = 0; made < 4; made++) await call(tenant, 'theirs')
    const list = async (after: string | null, first: number) => {
      const { data, errors } = await app.graphql(
        `query ($after: String, $first: Int) { toolExecutions(first: $first, after: $after) {
          edges { cursor node { id } } pageInfo { endCursor } } }`,
        { after, first },
        tenant,
      )
      expect(errors).toBeUndefined()
      return data['toolExecutions'] as { edges: { cursor: string }[]; pageInfo: { endCursor: string } }
    }
    const all = await list(null, 100)
    const paged: unknown[] = []
    for (let after: string | null = null; paged.length < all.edges.length; ) {
      const next = await list(after, 2)
      paged.push(...next.edges)
      after = next.pageInfo.endCursor
    }
    expect(paged).toEqual(all.edges)
  })

  it('are refused in other environments and other lists, when changed, and in the form of release 0.1', async () => {
    await call(app.apiKey, 'ours')
    const { cursors } = await shownTo(app.apiKey, 'ours')
    const of = (list: string) => cursors.find(([place]) => place.includes(list))?.[1] ?? ''
    const former = (position: unknown) => Buffer.from(JSON.stringify(position)).toString('base64url')
    const changed = `${of('toolExecutions').slice(0, -2)}AA`
    const documents = {
      toolExecutions: 'query ($after: String) { toolExecutions(after: $after) { nodes { id } } }',
      connectedAccounts: 'query ($after: String) { connectedAccounts(after: $after) { nodes { id } } }',
      transitions: `query ($after: String) {
        connectedAccount(identifier: "%s") { transitions(after: $after) { nodes { at } } }
      }`,
    }
    const refused: [document: string, cursor: string, credential: string][] = [
      ...(['toolExecutions', 'connectedAccounts'] as const).map((list): [string, string, string] => [
        documents[list],
        of(list),
        tenant,
      ]),
      [documents.transitions.replace('%s', 'theirs'), of('transitions'), tenant],
      [documents.toolExecutions, of('transitions'), app.apiKey],
      [documents.transitions.replace('%s', 'ours'), of('toolExecutions'), app.apiKey],
      [documents.toolExecutions, changed, app.apiKey],
      [documents.toolExecutions, former([17]), app.apiKey],
      [documents.transitions.replace('%s', 'ours'), former([17]), app.apiKey],
      [
        documents.connectedAccounts,
        former(['2026-11-28T03:27:40.951Z', '2561ab6c-418b-4072-beec-c4779fa811cf']),
        app.apiKey,
      ],
    ]
    for (const [document, after, credential] of refused) {
      const { errors } = await app.graphql(document, { after }, credential)
      const message = 'must be a cursor of this list. Pass the endCursor of a page'
      expect(errors).toMatchObject([
        { message: `after: ${message}`, extensions: { code: 'BAD_USER_INPUT', issues: [{ path: 'after', message }] } },
      ])
    }
  })
})

it('metrics, which count the calls of all environments, are for ADMIN keys of the operator', async () => {
  const get = (key: string) => fetch(`${app.url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
  const refused = await get(tenant)
  expect(refused.status).toBe(403)
  expect(await refused.text()).not.toContain('valetkey_')
  expect(await (await get(app.apiKey)).text()).toContain('valetkey_tool_calls_total')
})
