import { readFileSync } from 'node:fs'
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { Client, fetchExchange } from '@urql/core'
import { cacheExchange } from '@urql/exchange-graphcache'
import { buildASTSchema, type IntrospectionQuery, isInterfaceType, isObjectType, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'

const schema = buildASTSchema(parse(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8')))

/** Types outside of Node whose `id` is unique at the provider, and whose content is the same for every viewer. */
const merged = new Set([
  'Workspace',
  'NotionPage',
  'NotionBlock',
  'NotionComment',
  'NotionDatabase',
  'NotionDataSource',
  'NotionFileUpload',
  // What is known of a user depends on the capabilities of the OAuth app, which are the same for all its accounts.
  'NotionUser',
  'NotionTemplate',
  'NotionView',
  'NotionCustomEmoji',
  'DataSourceChoice',
])

it('only types that caches may merge have a field "id"', () => {
  const withId = Object.values(schema.getTypeMap()).filter(
    (type) => (isObjectType(type) || isInterfaceType(type)) && 'id' in type.getFields() && !type.name.startsWith('__'),
  )
  const others = withId.filter((type) => {
    const isNode = isObjectType(type) && type.getInterfaces().some(({ name }) => name === 'Node')
    return !isNode && type.name !== 'Node' && !merged.has(type.name)
  })
  expect(others.map(({ name }) => name)).toEqual([])
})

it('no field is called "_id" or "key", which caches use as identity as well', () => {
  const names = Object.values(schema.getTypeMap()).flatMap((type) =>
    isObjectType(type) && !type.name.startsWith('__') ? Object.keys(type.getFields()) : [],
  )
  expect(names.filter((name) => ['_id', 'key', '__id'].includes(name))).toEqual([])
})

describe('a normalising cache', () => {
  let app: TestApp
  beforeAll(async () => {
    app = await startApp({ database: 'postgres' })
    await app.connect('owner', { user: 'owner@acme.test' })
    await app.connect('member', { user: 'member@acme.test' })
  })
  afterAll(() => app.stop())

  const rowsDocument = `query Rows($databaseId: String!) {
    notionDatabaseQuery(identifier: "owner", input: { databaseId: $databaseId, pageSize: 10 }) {
      __typename
      ... on NotionDatabaseQueryPayload {
        rows {
          __typename id title parent { __typename type parentId }
          properties { __typename propertyId name text people { __typename id name } }
        }
        execution { __typename id status }
      }
      ... on ToolError { message execution { __typename id status } }
    }
    notionDatabaseFetch(identifier: "owner", input: { databaseId: $databaseId }) {
      __typename
      ... on NotionDatabaseFetchPayload {
        database {
          __typename id title
          dataSources { __typename id properties { __typename propertyId name options { __typename optionId name } } }
        }
      }
    }
    notionDataFetch(identifier: "owner", input: { pageSize: 10 }) {
      __typename
      ... on NotionDataFetchPayload { results { __typename objectId object title parent { __typename type parentId } } }
    }
  }`
  const usersDocument = `query Users {
    owner: connectedAccount(identifier: "owner") { __typename id workspace { __typename id name } owner { __typename email } }
    member: connectedAccount(identifier: "member") { __typename id workspace { __typename id name } owner { __typename email } }
  }`
  const variables = { databaseId: '2561ab6c-418b-8072-beec-c4779fa811cf' }

  const json = async (path: string) =>
    (await fetch(`${app.url}${path}`, { headers: { authorization: `Bearer ${app.apiKey}` } })).json()
  const apollo = async () => {
    const possibleTypes = (await json('/possibleTypes.json')) as Record<string, string[]>
    const client = new ApolloClient({
      cache: new InMemoryCache({ possibleTypes }),
      link: new HttpLink({ uri: `${app.url}/graphql`, headers: { authorization: `Bearer ${app.apiKey}` } }),
    })
    return async (query: string) => (await client.query({ query: gql(query), variables })).data
  }
  const urql = async () => {
    const introspection = (await json('/schema.json')) as IntrospectionQuery
    const client = new Client({
      url: `${app.url}/graphql`,
      preferGetMethod: false,
      fetchOptions: { headers: { authorization: `Bearer ${app.apiKey}` } },
      exchanges: [cacheExchange({ schema: introspection as never, logger: () => {} }), fetchExchange],
    })
    return async (query: string) => {
      // The second answer comes from the cache.
      await client.query(query, variables).toPromise()
      const { data, error } = await client.query(query, variables, { requestPolicy: 'cache-only' }).toPromise()
      expect(error).toBeUndefined()
      return data as unknown
    }
  }

  it.each([
    ['@apollo/client', apollo],
    ['@urql/exchange-graphcache', urql],
  ])('%s shows the values of each row, option, parent and user, as the server sent them', async (_name, newClient) => {
    const ask = await newClient()
    for (const query of [rowsDocument, usersDocument]) {
      const sent = JSON.parse(
        JSON.stringify((await app.graphql(query, query === rowsDocument ? variables : {})).data),
        dropRun,
      )
      expect(JSON.parse(JSON.stringify(await ask(query)), dropRun)).toEqual(sent)
    }
    const users = (await ask(usersDocument)) as Record<string, { owner: { email: string } }>
    expect([users['owner']?.owner.email, users['member']?.owner.email]).toEqual(['owner@acme.test', 'member@acme.test'])
  })
})

/** Each request runs the tool again. */
const dropRun = (key: string, value: unknown) => (key === 'execution' ? null : value)
