import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { newPostgresDatabase } from '../support/database.ts'
import { type Fleet, startFleet, type Tenant } from './fleet.ts'
import { withoutEnvironmentFilter } from './without-environment-filter.ts'

/**
 * What callers of one environment (or, with a user session, of one identifier) can see is compared with a model that
 * knows whose everything is: no answer may hold a text that belongs to somebody else.
 *
 * ISOLATION_RUNS sets the number of sequences; the seed is printed on failure by fast-check.
 */
const runs = Number(process.env['ISOLATION_RUNS'] ?? 12)
const steps = 30

const users = ['owner@acme.test', 'member@acme.test', 'owner@globex.test'] as const

let sandbox: RunningSandbox
beforeAll(async () => {
  sandbox = await startSandbox({ rateLimitPerMinute: 1_000_000 })
})
afterAll(() => sandbox.close())

/** One thing that somebody does: who (tenant, user, by key or session), what, through which node. */
const step = fc.record({
  tenant: fc.nat(2),
  target: fc.nat(2),
  user: fc.nat(2),
  node: fc.nat(1),
  bySession: fc.boolean(),
  action: fc.constantFrom(
    'create',
    'connect',
    'connect',
    'execute',
    'execute',
    'list',
    'lookUpForeignIds',
    'confirmForeignFlow',
    'actOnForeignIdentifier',
    'rotate',
    'disconnect',
    'delete',
  ),
})
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

async function perform(
  fleet: Fleet,
  tenants: readonly Tenant[],
  { tenant: at, target, user, node, bySession, action }: Step,
): Promise<void> {
  const tenant = tenants[at] as Tenant
  const other = tenants[target] as Tenant
  const identifier = tenant.identifiers[user] as string
  const by = bySession ? await fleet.session(tenant, identifier) : tenant.key
  const ask = (document: string, variables: Record<string, unknown> = {}) =>
    fleet.ask(node, tenant, bySession ? identifier : null, by, document, variables)
  switch (action) {
    case 'create':
      await ask(
        `mutation ($i: String!) { getOrCreateConnectedAccount(input: { identifier: $i }) {
          ... on GetOrCreateConnectedAccountPayload { connectedAccount { id identifier status workspace { ownerEmail } } } } }`,
        { i: identifier },
      )
      return
    case 'connect':
      await fleet.connect(node, tenant, identifier, users[at] as string)
      return
    case 'execute':
      await ask(
        `mutation ($i: String!) { executeTool(input: { identifier: $i, toolName: "notion_data_fetch", toolInput: {} }) {
          __typename ... on ExecuteToolPayload { data } ... on ToolError { message } } }`,
        { i: identifier },
      )
      return
    case 'list':
      await ask(`{ connectedAccounts(first: 100) { nodes { id identifier status workspace { ownerEmail } } } }`)
      if (!bySession) {
        await ask(
          `{ toolExecutions(first: 100) { nodes { id connectedAccount { id identifier } } } oauthApps { id clientId } apiKeys { id name } }`,
        )
      }
      return
    case 'lookUpForeignIds': {
      const foreign = other === tenant ? [] : [...other.nodeIds]
      for (const id of foreign.slice(0, 5)) {
        const { data } = await ask('query ($id: ID!) { node(id: $id) { id __typename } }', { id })
        expect(data?.['node'], 'a foreign id was found').toBeNull()
      }
      return
    }
    case 'confirmForeignFlow': {
      if (other === tenant) return
      const flowId = await fleet.startFlow(node, other, other.identifiers[user] as string, users[target] as string)
      const { data } = await fleet.ask(node, tenant, null, tenant.key, confirm, {
        f: flowId,
        i: other.identifiers[user],
      })
      expect(data?.['confirmAuthorization']).toMatchObject({ __typename: 'AuthorizationFlowNotFoundError' })
      return
    }
    case 'actOnForeignIdentifier': {
      const foreign = bySession ? (tenant.identifiers[(user + 1) % 3] as string) : (other.identifiers[user] as string)
      if (!bySession && other === tenant) return
      const { data } = await ask('query ($i: String!) { connectedAccount(identifier: $i) { id status } }', {
        i: foreign,
      })
      expect(data?.['connectedAccount'] ?? null).toBeNull()
      if (bySession) return
      const executed = await ask(
        `mutation ($i: String!) { executeTool(input: { identifier: $i, toolName: "notion_data_fetch", toolInput: {} }) { __typename } }`,
        { i: foreign },
      )
      expect(executed.data?.['executeTool']).toEqual({ __typename: 'AccountNotFoundError' })
      return
    }
    case 'rotate':
      await ask(
        `mutation ($i: String!) { refreshConnectedAccount(input: { identifier: $i }) {
        ... on RefreshConnectedAccountPayload { connectedAccount { id status } } ... on Error { message } } }`,
        { i: identifier },
      )
      return
    case 'disconnect':
      await ask(
        `mutation ($i: String!) { disconnectConnectedAccount(input: { identifier: $i }) {
        ... on DisconnectConnectedAccountPayload { connectedAccount { id status workspace { ownerEmail } } } ... on Error { message } } }`,
        { i: identifier },
      )
      return
    case 'delete':
      await ask(
        `mutation ($i: String!) { deleteConnectedAccount(input: { identifier: $i }) {
        ... on DeleteConnectedAccountPayload { deletedId } ... on Error { message } } }`,
        { i: identifier },
      )
  }
}

const confirm = `mutation ($f: String!, $i: String!) {
  confirmAuthorization(input: { flowId: $f, identifier: $i }) {
    __typename ... on ConfirmAuthorizationPayload { connectedAccount { id identifier } } } }`

describe('three environments on two nodes', () => {
  it(`show each other nothing, in ${runs} random sequences of ${steps} steps`, async () => {
    const database = await newPostgresDatabase()
    const fleet = await startFleet({ database: database.location, notionUrl: sandbox.url })
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: steps, maxLength: steps }), async (sequence) => {
          const tenants = await fleet.newTenants()
          for (const one of sequence) await perform(fleet, tenants, one)
        }),
        { numRuns: runs },
      )
      expect(fleet.answers).toBeGreaterThan(runs * 10)
    } finally {
      await fleet.stop()
      await database.drop()
    }
  }, 10_800_000)

  it('open no token of another environment even when the stores forget to ask for the environment', async () => {
    const database = await newPostgresDatabase()
    const fleet = await startFleet({
      database: database.location,
      notionUrl: sandbox.url,
      wrapDatabase: withoutEnvironmentFilter,
      checkAnswers: false,
    })
    try {
      const [victim, attacker] = await fleet.newTenants()
      const identifier = victim.identifiers[0] as string
      await fleet.connect(0, victim, identifier, users[0])
      const before = (await sandbox.log()).length
      const { data, errors } = await fleet.ask(
        1,
        attacker,
        null,
        attacker.key,
        `mutation ($i: String!) { executeTool(input: { identifier: $i, toolName: "notion_data_fetch", toolInput: {} }) {
          __typename ... on ExecuteToolPayload { data } } }`,
        { i: identifier },
      )
      expect(JSON.stringify(data ?? {})).not.toContain('ExecuteToolPayload')
      expect(errors, 'the first wall was meant to be down').toBeDefined()
      const sent = (await sandbox.log()).slice(before)
      expect(sent.filter(({ path }) => path.includes('/v1/search'))).toEqual([])
    } finally {
      await fleet.stop()
      await database.drop()
    }
  }, 60_000)
})
