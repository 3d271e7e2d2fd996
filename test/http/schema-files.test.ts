import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  buildClientSchema,
  buildSchema,
  type IntrospectionQuery,
  isAbstractType,
  lexicographicSortSchema,
  printSchema,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp({
    database: 'postgres',
    env: {
      NODE_ENV: 'production',
      VALETKEY_MASTER_KEY: randomBytes(32).toString('base64'),
      PUBLIC_URL: 'http://localhost',
      VALETKEY_CORS_ORIGINS: 'https://app.example',
    },
  })
})
afterAll(() => app.stop())

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${app.url}${path}`, { method, headers: { authorization: `Bearer ${app.apiKey}`, ...headers } })
const written = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8')

describe('in production, where introspection is off,', () => {
  it('/schema.graphql is the schema of the repository', async () => {
    expect(await (await get('/schema.graphql')).text()).toBe(written)
  })

  it('/schema.json is its introspection', async () => {
    const introspection = (await (await get('/schema.json')).json()) as IntrospectionQuery
    expect(`${printSchema(lexicographicSortSchema(buildClientSchema(introspection)))}\n`).toBe(written)
  })

  it('/possibleTypes.json has the types of every interface and union', async () => {
    const types = (await (await get('/possibleTypes.json')).json()) as Record<string, string[]>
    const schema = buildSchema(written)
    const expected = Object.values(schema.getTypeMap())
      .filter(isAbstractType)
      .map(
        (type) =>
          [
            type.name,
            schema
              .getPossibleTypes(type)
              .map(({ name }) => name)
              .sort(),
          ] as const,
      )
    expect(Object.fromEntries(Object.entries(types).map(([name, of]) => [name, of.sort()]))).toEqual(
      Object.fromEntries(expected),
    )
  })

  it.each(['/schema.graphql', '/schema.json', '/possibleTypes.json'])('%s requires a credential', async (path) => {
    expect((await get(path, { authorization: '' })).status).toBe(401)
    expect((await get(path, { authorization: 'Bearer vk_default_unknown' })).status).toBe(401)
  })

  it.each(['/schema.graphql', '/schema.json', '/possibleTypes.json'])(
    '%s is not sent again unless it changed',
    async (path) => {
      const etag = (await get(path)).headers.get('etag') ?? ''
      expect(etag).toMatch(/^"[\w-]+"$/)
      expect((await get(path, { 'if-none-match': `"other", W/${etag}` })).status).toBe(304)
      expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200)
      const head = await get(path, {}, 'HEAD')
      expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, etag, ''])
      expect((await get(path, {}, 'POST')).status).toBe(405)
    },
  )

  it('pages of configured origins may read them', async () => {
    const origin = { origin: 'https://app.example' }
    const asked = await get(
      '/possibleTypes.json',
      { ...origin, 'access-control-request-headers': 'authorization' },
      'OPTIONS',
    )
    expect(asked.headers.get('access-control-allow-headers')).toBe('authorization')
    expect((await get('/possibleTypes.json', origin)).headers.get('access-control-allow-origin')).toBe(origin.origin)
  })
})
