import { expect } from 'vitest'
import fc from '../support/fast-check.ts'
import { type Fleet, returnUrlOf, type Tenant } from './fleet.ts'

/** What is known of one account from what was done with it. */
interface Account {
  status: 'PENDING' | 'PENDING_CONFIRMATION' | 'ACTIVE' | 'DISCONNECTED'
  /** The flow that waits for its confirmation, and the status to return to when it is refused. */
  waiting: { readonly flowId: string; readonly user: string; readonly before: Account['status'] } | null
  /** The provider's user whose grant it has while it is ACTIVE. */
  user: string | null
}

/** Whose everything is: the accounts of each tenant by their identifiers. */
export type Model = readonly ReadonlyMap<string, Account>[]

/** The model of three tenants that have nothing yet. */
export const newModel = (): Model => [new Map(), new Map(), new Map()]

/** What steps are taken on. */
export interface Real {
  readonly fleet: Fleet
  readonly tenants: readonly Tenant[]
}

/** The provider's user behind the accounts of a tenant, unless steps connect another one. */
export const users = ['owner@acme.test', 'member@acme.test', 'owner@globex.test'] as const

/** What a page contains that only one of these users can read. */
const phrases = ['"gift ideas"', '"training plan"', '"everything about globex starts here"'] as const

const actions = [
  'create',
  'authorize',
  'authorize',
  'confirm',
  'confirm',
  'refuse',
  'execute',
  'execute',
  'search',
  'list',
  'lookUpForeignIds',
  'confirmForeignFlow',
  'actOnForeignIdentifier',
  'refresh',
  'rotateKey',
  'crowd',
  'switchUser',
  'reconnect',
  'changeApp',
  'rotateVault',
  'disconnect',
  'delete',
] as const

/** Who (tenant, user, by key or session) does what, to whom, through which node. */
export const choice = fc.record({
  action: fc.constantFrom(...actions),
  tenant: fc.nat(2),
  target: fc.nat(2),
  user: fc.nat(2),
  node: fc.nat(1),
  bySession: fc.boolean(),
})

/** A random step. */
export type Choice = typeof choice extends fc.Arbitrary<infer Value> ? Value : never

/** A {@link Choice} as a command: it executes the choice, compares the answer with the model, and moves the model on. */
export class Step implements fc.AsyncCommand<Model, Real> {
  readonly choice: Choice

  constructor(chosen: Choice) {
    this.choice = chosen
  }

  toString(): string {
    return JSON.stringify(this.choice)
  }

  /** Every step can be taken at any time: what cannot work must be refused. */
  check(): boolean {
    return true
  }

  async run(model: Model, { fleet, tenants }: Real): Promise<void> {
    const { action, tenant: at, target, user, node, bySession } = this.choice
    const tenant = tenants[at] as Tenant
    const other = tenants[target] as Tenant
    const accounts = model[at] as Map<string, Account>
    const identifier = tenant.identifiers[user] as string
    const account = accounts.get(identifier)
    const ask = async (document: string, variables: Record<string, unknown> = {}) => {
      const credential = bySession ? await fleet.session(tenant, identifier) : tenant.key
      return fleet.ask(node, tenant, bySession ? identifier : null, credential, document, variables)
    }
    /** The member of the result union that a mutation on this identifier (or another one) gave. */
    const outcome = async (name: string, on = identifier, more = '', shown = '') => {
      const { data, errors } = await ask(
        `mutation ($i: String!) { ${name}(input: { identifier: $i ${more} }) { __typename ${shown} } }`,
        { i: on },
      )
      if (errors) return errors[0]?.extensions.code
      return (data?.[name] as { __typename: string } | undefined)?.__typename
    }
    const tool = 'toolName: "notion_user_self", toolInput: {}'
    const begin = () => {
      const begun = accounts.get(identifier) ?? { status: 'PENDING' as const, waiting: null, user: null }
      accounts.set(identifier, begun)
      return begun
    }
    /** The provider's users that a call with the tenant's key shows, or the call's result when it has no data. */
    const usersSeenAt = async (at: number) => {
      const { data } = await fleet.ask(at, tenant, null, tenant.key, selfCall, { i: identifier })
      const { __typename, data: shown } = (data?.['executeTool'] ?? {}) as { __typename?: string; data?: unknown }
      return shown === undefined ? __typename : users.filter((email) => JSON.stringify(shown).includes(email))
    }
    /** Another node may have changed the account: this one knows within a second. */
    const expectUser = (at: number, email: string | null) => expect.poll(() => usersSeenAt(at)).toEqual([email])
    const startFlow = async (at: number, as: string) => {
      const flowId = await fleet.startFlow(at, tenant, identifier, as)
      const begun = begin()
      begun.waiting = { flowId, user: as, before: begun.status }
      if (begun.status !== 'ACTIVE') begun.status = 'PENDING_CONFIRMATION'
    }
    const connect = async (name: string, as: string, allowUserChange: boolean) => {
      const flowId = await fleet.startFlow(node, tenant, name, as, { allowUserChange })
      const { data } = await fleet.ask(node, tenant, null, tenant.key, confirm, { f: flowId, i: name })
      expect(data?.['confirmAuthorization']).toMatchObject({ __typename: 'ConfirmAuthorizationPayload' })
      accounts.set(name, { status: 'ACTIVE', waiting: null, user: as })
    }

    switch (action) {
      case 'create': {
        const expected = begin().status
        const { data } = await ask(
          `mutation ($i: String!) { getOrCreateConnectedAccount(input: { identifier: $i }) {
            ... on GetOrCreateConnectedAccountPayload { created connectedAccount { id status } } } }`,
          { i: identifier },
        )
        expect(data?.['getOrCreateConnectedAccount']).toMatchObject({
          created: account === undefined,
          connectedAccount: { status: expected },
        })
        return
      }
      case 'authorize': {
        if (account?.waiting) return
        // Any user may connect an account that was disconnected.
        const newUser = users[account?.status === 'DISCONNECTED' ? target : at] as string
        await startFlow(node, account?.user ?? newUser)
        return
      }
      case 'confirm':
      case 'refuse': {
        if (!account?.waiting) return
        const by = action === 'confirm' ? identifier : (tenant.identifiers[(user + 1) % 3] as string)
        const { data, errors } = await ask(confirm, { f: account.waiting.flowId, i: by })
        if (bySession) {
          expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' })
          return
        }
        expect(data?.['confirmAuthorization']).toMatchObject(
          action === 'confirm'
            ? { __typename: 'ConfirmAuthorizationPayload', connectedAccount: { identifier } }
            : { __typename: 'IdentifierMismatchError' },
        )
        account.status = action === 'confirm' ? 'ACTIVE' : account.waiting.before
        if (action === 'confirm') account.user = account.waiting.user
        account.waiting = null
        return
      }
      case 'execute':
        // Another node may have changed the account: this one knows within a second.
        await expect
          .poll(() => outcome('executeTool', identifier, tool))
          .toBe(bySession ? 'FORBIDDEN' : usable(account, 'ExecuteToolPayload'))
        if (account?.status === 'ACTIVE') await expectUser(node, account.user)
        return
      case 'search': {
        if (account?.status !== 'ACTIVE') return
        const input = { query: phrases[target] }
        const found = async () => {
          const { data } = await fleet.ask(node, tenant, null, tenant.key, searchCall, { i: identifier, input })
          const { data: body } = (data?.['executeTool'] ?? {}) as { data?: { results: readonly unknown[] } }
          return body?.results.length
        }
        // In the index or in the pages; another user may have been connected on another node a moment ago.
        await expect.poll(found).toBe(account.user === users[target] ? 1 : 0)
        return
      }
      case 'refresh':
        expect(await outcome('refreshConnectedAccount')).toBe(
          bySession ? 'FORBIDDEN' : usable(account, 'RefreshConnectedAccountPayload'),
        )
        return
      case 'list': {
        const { data } = await ask(
          '{ connectedAccounts(first: 100) { nodes { id identifier status owner { email } } } }',
        )
        const { nodes = [] } = (data?.['connectedAccounts'] ?? {}) as {
          nodes?: { identifier: string; status: string }[]
        }
        const visible = [...accounts].filter(([name]) => !bySession || name === identifier)
        expect(new Map(nodes.map((one) => [one.identifier, one.status]))).toEqual(
          new Map(visible.map(([name, { status }]) => [name, status])),
        )
        if (bySession) return
        await ask(
          `{ toolExecutions(first: 100) { nodes { id connectedAccount { id identifier } } } oauthApps { id clientId } apiKeys { id name }
            webhookEndpoints { id url } webhookDeliveries(first: 100) { nodes { id payload endpoint { id } } }
            pendingApprovals { id summary input connectedAccount { id identifier } } }`,
        )
        return
      }
      case 'lookUpForeignIds': {
        if (other === tenant) return
        for (const id of [...other.nodeIds].slice(0, 5)) {
          expect(await ask(lookUp, { id })).toEqual(await ask(lookUp, { id: unknownLike(id) }))
        }
        return
      }
      case 'confirmForeignFlow': {
        const foreign = (model[target] as Map<string, Account>).get(other.identifiers[user] as string)?.waiting
        if (other === tenant || bySession || !foreign) return
        const { data } = await ask(confirm, { f: foreign.flowId, i: other.identifiers[user] })
        expect(data?.['confirmAuthorization']).toEqual({ __typename: 'AuthorizationFlowNotFoundError' })
        return
      }
      case 'actOnForeignIdentifier': {
        if (!bySession && other === tenant) return
        const foreign = bySession ? (tenant.identifiers[(user + 1) % 3] as string) : (other.identifiers[user] as string)
        const read = await ask('query ($i: String!) { connectedAccount(identifier: $i) { id status } }', { i: foreign })
        expect(read.data?.['connectedAccount'] ?? null).toBeNull()
        const refused = bySession ? 'FORBIDDEN' : 'AccountNotFoundError'
        expect(await outcome('executeTool', foreign, tool)).toBe(refused)
        for (const name of ['refresh', 'disconnect', 'delete']) {
          expect(await outcome(`${name}ConnectedAccount`, foreign)).toBe(refused)
        }
        return
      }
      case 'rotateKey': {
        const before = await fleet.rotateKey(node, tenant)
        for (const at of [0, 1]) {
          const code = async () => {
            const { errors } = await fleet.ask(at, tenant, null, before, '{ viewer { scopes } }', {})
            return errors?.[0]?.extensions['code']
          }
          // The node at which the key was revoked knows at once, the other one within a second.
          await expect.poll(code).toBe('UNAUTHENTICATED')
        }
        return
      }
      case 'switchUser':
      case 'reconnect': {
        if (account?.waiting) return
        const elsewhere = node + 1
        const [before, after] = [users[target] as string, users[(target + 1) % 3] as string]
        // Another account has the same grant, which therefore works on: a node that missed the change would use it. Nor is
        // a revocation on its way that would end the grants of a user who is back already.
        for (const as of [before, after]) {
          const anchor = `${tenant.name}-anchor-${as}`
          if (!accounts.has(anchor)) await connect(anchor, as, false)
        }
        await connect(identifier, before, true)
        await expectUser(elsewhere, before)
        if (action === 'reconnect') expect(await outcome('disconnectConnectedAccount')).toMatch(/Payload$/)
        // Any user may connect an account that was disconnected.
        await connect(identifier, after, action === 'switchUser')
        await expectUser(elsewhere, after)
        return
      }
      case 'changeApp': {
        if (account?.waiting) return
        const elsewhere = node + 1
        if (account?.status !== 'ACTIVE') await connect(identifier, users[at] as string, false)
        const listUsers = async () => {
          const { data } = await fleet.ask(elsewhere, tenant, null, tenant.key, usersCall, { i: identifier })
          const { __typename, message = '' } = (data?.['executeTool'] ?? {}) as {
            __typename?: string
            message?: string
          }
          return `${__typename} ${message}`
        }
        const expectList = () =>
          expect.poll(listUsers).toMatch(tenant.app.readsUsers ? /^ExecuteToolPayload / : /^MissingCapabilityError /)
        await expectList()
        await fleet.changeApp(node, tenant)
        await expectList()
        const link = async (revision: number) => {
          const { data } = await fleet.ask(elsewhere, tenant, null, tenant.key, authorize, {
            i: identifier,
            r: returnUrlOf(revision),
          })
          return (data?.['authorize'] as { __typename: string } | undefined)?.__typename
        }
        const { revision } = tenant.app
        expect(await link(revision - 1)).toBe('ReturnUrlNotAllowedError')
        expect(await link(revision)).toBe('AuthorizePayload')
        // The exchange of the code requires the new secret.
        await startFlow(elsewhere, accounts.get(identifier)?.user ?? '')
        return
      }
      case 'rotateVault':
        fleet.rotateVault()
        return
      case 'crowd':
        // More pending consents of another provider user than any batch: they change nothing for this tenant's own.
        await fleet.crowd(tenant)
        return
      case 'disconnect':
        expect(await outcome('disconnectConnectedAccount')).toBe(
          account ? 'DisconnectConnectedAccountPayload' : 'AccountNotFoundError',
        )
        if (account) Object.assign(account, { status: 'DISCONNECTED', waiting: null, user: null })
        return
      case 'delete':
        expect(await outcome('deleteConnectedAccount')).toBe(
          bySession ? 'FORBIDDEN' : account ? 'DeleteConnectedAccountPayload' : 'AccountNotFoundError',
        )
        if (!bySession) accounts.delete(identifier)
    }
  }
}

const usable = (account: Account | undefined, payload: string) =>
  account === undefined ? 'AccountNotFoundError' : account.status === 'ACTIVE' ? payload : 'AccountNotActiveError'

/** An id of the same type that does not exist. */
const unknownLike = (id: string) =>
  Buffer.from(Buffer.from(id, 'base64').toString().replace(/:.*/, ':00000000-0000-4000-8000-000000000000')).toString(
    'base64',
  )

const lookUp = 'query ($id: ID!) { node(id: $id) { id __typename } }'

const callOf = (toolName: string) => `mutation ($i: String!) {
  executeTool(input: { identifier: $i, toolName: "${toolName}", toolInput: {} }) {
    __typename ... on ExecuteToolPayload { data } ... on Error { message } } }`
const searchCall = `mutation ($i: String!, $input: JSONObject!) {
  executeTool(input: { identifier: $i, toolName: "notion_data_fetch", toolInput: $input }) {
    __typename ... on ExecuteToolPayload { data } } }`
const selfCall = callOf('notion_user_self')
const usersCall = callOf('notion_user_list')

const authorize = `mutation ($i: String!, $r: URL!) {
  authorize(input: { identifier: $i, returnUrl: $r }) { __typename } }`

const confirm = `mutation ($f: String!, $i: String!) {
  confirmAuthorization(input: { flowId: $f, identifier: $i }) {
    __typename ... on ConfirmAuthorizationPayload { connectedAccount { id identifier } } } }`
