import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { newPostgresDatabase } from '../support/database.ts'
import fc, { seed } from '../support/fast-check.ts'
import { type Fleet, startFleet, type Tenant } from './fleet.ts'
import { type Choice, choice, newModel, Step, users } from './steps.ts'
import { withoutEnvironmentFilter } from './without-environment-filter.ts'

/**
 * Random histories of three environments on two nodes are compared with a model that knows whose everything is: each
 * answer must be the model's, and no answer may contain a text of another user.
 *
 * ISOLATION_RUNS sets the number of histories, ISOLATION_LANES how many go on at the same time; TEST_SEED repeats them.
 */
const runs = Number(process.env['ISOLATION_RUNS'] ?? 12)
const lanes = Math.min(runs, Number(process.env['ISOLATION_LANES'] ?? 3))
const steps = 30

let sandbox: RunningSandbox
beforeAll(async () => {
  sandbox = await startSandbox({ rateLimitPerMinute: 100_000_000 })
})
afterAll(() => sandbox.close())

/** Runs a property in several lanes, so that histories of other environments go on at the same time. */
async function inLanes(property: () => fc.IAsyncProperty<[unknown]>): Promise<void> {
  await Promise.all(
    Array.from({ length: lanes }, (_, lane) =>
      fc.assert(property(), { seed: seed + lane, numRuns: Math.floor(runs / lanes) + (lane < runs % lanes ? 1 : 0) }),
    ),
  )
}

describe('three environments on two nodes', () => {
  it(`show each other nothing, in ${runs} random histories of ${steps} steps`, async () => {
    const database = await newPostgresDatabase()
    const fleet = await startFleet({ database: database.location, notionUrl: sandbox.url })
    const command = choice.map((chosen) => new Step(chosen))
    // fc.commands would draw a length of 0 to 30; these all have 30.
    const history = fc.array(command, { minLength: steps, maxLength: steps })
    try {
      await inLanes(() =>
        fc.asyncProperty(history, async (commands) => {
          const tenants = await fleet.newTenants()
          await fc.asyncModelRun(() => ({ model: newModel(), real: { fleet, tenants } }), commands)
          await fleet.forget(tenants)
        }),
      )
      expect(fleet.answers).toBeGreaterThan(runs * 10)
      expect(fleet.events).toBeGreaterThan(runs)
    } finally {
      await fleet.stop()
      await database.drop()
    }
  }, 36_000_000)

  it(`open no token of another, in ${runs} random histories with stores that forget to ask for the environment`, async () => {
    const database = await newPostgresDatabase()
    const fleet = await startFleet({
      database: database.location,
      notionUrl: sandbox.url,
      wrapDatabase: withoutEnvironmentFilter,
      checkAnswers: false,
    })
    let wallsMet = 0
    try {
      await inLanes(() =>
        fc.asyncProperty(fc.array(choice, { minLength: steps, maxLength: steps }), async (history) => {
          const tenants = await fleet.newTenants()
          for (const one of history) wallsMet += await throughTheFirstWall(fleet, tenants, one)
          await fleet.forget(tenants)
        }),
      )
      expect(wallsMet, 'the first wall was meant to be down').toBeGreaterThan(0)
    } finally {
      await fleet.stop()
      await database.drop()
    }
  }, 36_000_000)
})

/**
 * Connects accounts through the sound node and does to them through the other what only a token allows. Whose token was
 * opened is decided by the user whom the provider names. Returns 1 where an account of another environment was found and the
 * call failed all the same.
 */
async function throughTheFirstWall(fleet: Fleet, tenants: readonly Tenant[], chosen: Choice): Promise<0 | 1> {
  const { action, tenant: at, target, user } = chosen
  const tenant = tenants[at] as Tenant
  const owner = tenants[target] as Tenant
  const identifier = owner.identifiers[user] as string
  const ask = (node: number, by: Tenant, document: string, variables: Record<string, unknown>) =>
    fleet.ask(node, by, null, by.key, document, variables)
  switch (action) {
    case 'create':
    case 'authorize':
    case 'confirm': {
      const flowId = await fleet.startFlow(0, owner, identifier, users[target] as string)
      await ask(
        0,
        owner,
        'mutation ($f: String!, $i: String!) { confirmAuthorization(input: { flowId: $f, identifier: $i }) { __typename } }',
        { f: flowId, i: identifier },
      )
      return 0
    }
    case 'refresh':
    case 'disconnect':
    case 'delete': {
      await ask(
        1,
        tenant,
        `mutation ($i: String!) { ${action}ConnectedAccount(input: { identifier: $i }) { __typename } }`,
        {
          i: identifier,
        },
      )
      return 0
    }
    default: {
      const { data, errors } = await ask(
        1,
        tenant,
        `mutation ($i: String!) { executeTool(input: { identifier: $i, toolName: "notion_user_self", toolInput: {} }) {
          __typename ... on ExecuteToolPayload { data } } }`,
        { i: identifier },
      )
      const shown = JSON.stringify(data ?? null)
      for (const email of users) if (email !== users[at]) expect(shown, `as ${users[at]}`).not.toContain(email)
      if (owner !== tenant) expect(shown).not.toContain('ExecuteToolPayload')
      return owner !== tenant && errors?.[0]?.extensions['code'] === 'INTERNAL_SERVER_ERROR' ? 1 : 0
    }
  }
}
