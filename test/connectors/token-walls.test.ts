import { graphql } from 'graphql'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AccountsContext } from '../../src/accounts/context.ts'
import { openAccessToken, openAccount } from '../../src/accounts/grants/open-account.ts'
import { newNodeState } from '../../src/accounts/node-state.ts'
import { noRowCache } from '../../src/db/changed-rows.ts'
import { AccountNotFoundError, WrongConnectionError } from '../../src/errors.ts'
import type { GraphQLContext } from '../../src/graphql/context.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { createLog } from '../../src/log.ts'
import { createToolCatalogue } from '../../src/tools/catalogue.ts'
import type { ToolEngine } from '../../src/tools/engine.ts'
import type { AnyTool } from '../../src/tools/tool.ts'
import { bindingKey, bindRows } from '../support/bindings.ts'
import { testConnector } from '../support/connector.ts'
import { type Bench, failureOf, identifier, openBench, request } from '../tools/bench.ts'
import { notesTools } from '../tools/notes-tools.ts'

const node = newNodeState('test')

/** The tools of the connector `notion` again, as those of a connector `acme`. */
const acmeTools: readonly AnyTool[] = notesTools.map((tool) => ({
  ...tool,
  name: tool.name.replace('notes_', 'acme_'),
  connector: 'acme',
}))
const catalogue = createToolCatalogue([...notesTools, ...acmeTools])
const connectors = [testConnector(notesTools), testConnector(acmeTools, { slug: 'acme', name: 'Acme' })]
const schema = buildSchema(connectors, catalogue)

let bench: Bench
let engine: ToolEngine
let opened = 0
beforeAll(async () => {
  bench = await openBench()
  const { db } = bench.database
  const vault: Bench['vault'] = {
    ...bench.vault,
    open: (sealed, context) => {
      opened += 1
      return bench.vault.open(sealed, context)
    },
  }
  engine = bench.engine({
    catalogue,
    vault,
    openAccount: (environment, name, connector) =>
      openAccount({ db, vault, bindingKey, node, openAccounts: noRowCache }, environment, name, connector),
  })
  await bench.connection('acme', 'acme')
  await bench.connection('acme-eu', 'acme')
  await bench.connection('wiki', 'notion')
})
afterAll(() => bench.close())
beforeEach(() => {
  opened = 0
  bench.provider.received.length = 0
})

function ask(source: string, variables: Record<string, unknown> = {}) {
  const { db } = bench.database
  const accounts: Partial<AccountsContext> = { db, vault: bench.vault, publicUrl: 'http://valetkey.test' }
  const context: Partial<GraphQLContext> = {
    loaders: new Map(),
    viewer: bench.viewer,
    accounts: { ...accounts, log: createLog('silent') } as AccountsContext,
    tools: engine,
    connectors,
    signal: new AbortController().signal,
  }
  return graphql({ schema, source, variableValues: { identifier, ...variables }, contextValue: context })
}

const sentTokens = () => bench.provider.received.map(({ token }) => token)

const refusal = {
  __typename: 'WrongConnectionError',
  message: 'The connection "wiki" belongs to the connector "notion"; the tool belongs to "acme".',
  hint: 'Pass connectionName "acme" or "acme-eu".',
  connector: 'acme',
  connectionNames: ['acme', 'acme-eu'],
  retryable: false,
  userAction: null,
  execution: null,
}
const outcome = `
  __typename
  ... on WrongConnectionError {
    message hint connector connectionNames retryable userAction execution { id }
  }
`

describe('a tool of one connector and a connection of another', () => {
  it('are refused before a token is opened or anything is sent', async () => {
    for (const [toolName, connectionName] of [
      ['acme_find', 'notion'],
      ['acme_write', 'wiki'],
      ['notes_find', 'acme'],
      ['notes_write', 'acme-eu'],
    ] as const) {
      const input = toolName.endsWith('write') ? { text: 'x' } : {}
      const error = await failureOf(engine.executeTool(bench.viewer, request(toolName, input, { connectionName })))
      expect(error).toBeInstanceOf(WrongConnectionError)
      expect(error).toMatchObject({ executionId: null })
    }
    expect(opened).toBe(0)
    expect(sentTokens()).toEqual([])
  })

  it('are refused by executeTool with the connections to use instead', async () => {
    const document = `mutation ($identifier: String!) {
      executeTool(input: { connectionName: "wiki", identifier: $identifier, toolName: "acme_find", toolInput: {} }) {
        ${outcome}
      }
    }`
    expect(await ask(document)).toEqual({ data: { executeTool: refusal } })
    expect(opened).toBe(0)
    expect(sentTokens()).toEqual([])
  })

  it('are refused by the typed query field', async () => {
    const document = `query ($identifier: String!) {
      acmeFind(connectionName: "wiki", identifier: $identifier, input: {}) { ${outcome} }
    }`
    expect(await ask(document)).toEqual({ data: { acmeFind: refusal } })
    expect(opened).toBe(0)
    expect(sentTokens()).toEqual([])
  })

  it('are refused by the typed mutation field, with an idempotency key as well', async () => {
    for (const key of ['', ', idempotencyKey: "once"']) {
      const document = `mutation ($identifier: String!) {
        acmeWrite(connectionName: "wiki", identifier: $identifier${key}, input: { text: "x" }) { ${outcome} }
      }`
      expect(await ask(document)).toEqual({ data: { acmeWrite: refusal } })
    }
    expect(opened).toBe(0)
    expect(sentTokens()).toEqual([])
  })

  it('are refused before the account is looked for: the hint names a connection that works', async () => {
    const otherUser = { connectionName: 'wiki', identifier: 'user_2' }
    const error = await failureOf(engine.executeTool(bench.viewer, request('acme_find', {}, otherUser)))
    expect(error).toBeInstanceOf(WrongConnectionError)
    const unknown = { connectionName: 'none', identifier }
    const missing = await failureOf(engine.executeTool(bench.viewer, request('acme_find', {}, unknown)))
    expect(missing).toBeInstanceOf(AccountNotFoundError)
  })

  it('are refused even if an opened account of the other connector came through', async () => {
    const { db } = bench.database
    const careless = bench.engine({
      catalogue,
      openAccount: (environment, name) =>
        openAccount({ db, vault: bench.vault, bindingKey, node, openAccounts: noRowCache }, environment, name),
    })
    const error = await failureOf(
      careless.executeTool(bench.viewer, request('acme_find', {}, { connectionName: 'wiki' })),
    )
    expect(error).toBeInstanceOf(WrongConnectionError)
    expect(sentTokens()).toEqual([])
  })
})

describe('a connection that is registered for another provider during a call', () => {
  it('uses no token of the new provider for the call', async () => {
    const { db } = bench.database
    const context = { db, vault: bench.vault, bindingKey, node, openAccounts: noRowCache }
    const name = { connectionName: 'moving', identifier }
    await bench.connection('moving', 'notion')
    const { account } = await openAccount(context, bench.environmentId, name, 'notion')
    // What registerOAuthApp and a new consent leave behind: another connector, and a grant of its own.
    const { grantId } = await bench.account('moved')
    await db.updateTable('oauth_apps').set({ connector: 'acme' }).where('id', '=', account.oauthAppId).execute()
    await db.updateTable('connected_accounts').set({ grant_id: grantId }).where('id', '=', account.id).execute()
    await bindRows(db)
    const error = await failureOf(openAccessToken(context, account))
    expect(error).toMatchObject({
      name: 'ProviderUnavailableError',
      message: 'The OAuth app was replaced during the call. Make the same call again.',
    })
  })
})

describe('a call without connectionName', () => {
  it('uses the connection named as the connector of the tool', async () => {
    await engine.executeTool(bench.viewer, request('acme_find', {}, { connectionName: null }))
    await engine.executeTool(bench.viewer, request('notes_find', {}, { connectionName: null }))
    expect(sentTokens()).toEqual([`token-1-of-acme/${identifier}`, `token-1-of-${identifier}`])
  })

  it('does so through every field', async () => {
    await ask(`mutation ($identifier: String!) {
      executeTool(input: { identifier: $identifier, toolName: "acme_find", toolInput: {} }) { __typename }
    }`)
    await ask('query ($identifier: String!) { acmeFind(identifier: $identifier, input: {}) { __typename } }')
    await ask(`mutation ($identifier: String!) {
      acmeWrite(identifier: $identifier, input: { text: "x" }) { __typename }
    }`)
    expect(sentTokens()).toEqual(Array.from({ length: 3 }, () => `token-1-of-acme/${identifier}`))
  })
})

describe('ConnectedAccount.tools', () => {
  it('lists only tools of the connector of the account', async () => {
    const names = async (connectionName: string) => {
      const document = `query ($identifier: String!, $connectionName: String!) {
        connectedAccount(connectionName: $connectionName, identifier: $identifier) { tools { tool { name } } }
      }`
      const { data } = await ask(document, { connectionName })
      const { connectedAccount } = data as { connectedAccount: { tools: { tool: { name: string } }[] } }
      return connectedAccount.tools.map(({ tool }) => tool.name)
    }
    expect(await names('acme-eu')).toEqual(acmeTools.map(({ name }) => name))
    expect(await names('wiki')).toEqual(notesTools.map(({ name }) => name))
  })
})
