import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Capability } from '../../src/accounts/capability.ts'
import { notionCapabilities as capabilities } from '../../src/notion/capabilities.ts'
import { createNotionOAuth } from '../../src/notion/oauth/notion-oauth.ts'
import { people } from '../../src/sandbox/seed-ids.ts'
import { Secret } from '../../src/vault/secret.ts'
import { type Tokens, testClient } from '../sandbox/support.ts'
import { startWorkspace, type TestWorkspace } from './workspace.ts'

const all = Object.keys(capabilities) as Capability[]
const owner: { readonly providerUserId: string } = { providerUserId: people.acmeOwner }

let workspace: TestWorkspace
let tokens: Tokens
beforeAll(async () => {
  workspace = await startWorkspace()
  tokens = await workspace.sandbox.connect()
})
afterAll(() => workspace.close())
afterEach(async () => {
  await workspace.sandbox.control('clear')
  await allow(all)
})

const allow = (allowed: readonly Capability[]) =>
  workspace.sandbox.control('capabilities', { clientId: testClient.id, capabilities: allowed })

/** What Notion refuses. A deadline far away: what a test gets, it gets by an answer. */
const denied = (asked: readonly Capability[] = all, who = owner, probeTimeoutMs = 60_000) =>
  createNotionOAuth({ probeTimeoutMs, timeoutMs: 60_000 }).deniedCapabilities(
    { apiUrl: workspace.call.apiUrl },
    new Secret(tokens.access_token),
    { capabilities: asked, owner: who },
  )

describe('probing the capabilities of a connection', () => {
  it('reports none for a connection with all capabilities and changes nothing in the workspace', async () => {
    const before = (await workspace.sandbox.log()).length
    expect(await denied()).toEqual([])
    const asked = (await workspace.sandbox.log()).slice(before)
    expect(asked).toHaveLength(all.length)
    // Nothing but reads was answered with success.
    const succeeded = asked.filter(({ status }) => status === 200).map(({ method, path }) => `${method} ${path}`)
    expect(succeeded.toSorted()).toEqual(['GET /v1/users', `GET /v1/users/${people.acmeOwner}`, 'POST /v1/search'])
    expect(asked.filter(({ status }) => status !== 200).map(({ status }) => status)).toEqual([404, 404, 404, 404])
  })

  // An address comes with a user, so that who sees no users sees no addresses either, and who sees those sees users.
  it.each(all.filter((capability) => capability !== 'READ_USERS'))(
    'reports only %s for a connection that lacks only it',
    async (capability) => {
      await allow(all.filter((one) => one !== capability))
      expect(await denied()).toEqual([capability])
    },
  )

  it('reports all for a connection without any capability', async () => {
    await allow([])
    expect(await denied()).toEqual(all)
  })

  it('probes only the given capabilities', async () => {
    await allow([])
    const before = (await workspace.sandbox.log()).length
    expect(await denied(['READ_COMMENTS'])).toEqual(['READ_COMMENTS'])
    expect((await workspace.sandbox.log()).slice(before).map(({ method, path }) => [method, path])).toEqual([
      ['GET', '/v1/comments'],
    ])
  })

  it('does not report READ_USER_EMAILS for a token without a user', async () => {
    await allow([])
    expect(await denied(['READ_USER_EMAILS'], { providerUserId: 'workspace' })).toEqual([])
  })

  it.each([
    ['a rate limit', { kind: 'rate_limit' }],
    ['an outage', { kind: 'status', status: 503 }],
    ['a 403 with another code', { kind: 'status', status: 403, reason: 'something_else' }],
    ['a reset', { kind: 'reset' }],
    ['a page of HTML', { kind: 'html' }],
    ['an answer without an end', { kind: 'huge' }],
    ['an answer that is cut', { kind: 'truncate' }],
  ])('does not treat %s as a refusal', async (_what, fault) => {
    await allow([])
    await workspace.sandbox.control('fault', { ...fault, times: 0 })
    expect(await denied()).toEqual([])
  })

  it('returns the refusals that arrived when one request gets no answer', async () => {
    await allow(['READ_CONTENT'])
    await workspace.sandbox.control('fault', { kind: 'slow_headers', match: { path: '/v1/comments' }, times: 0 })
    const found = await denied(all, owner, 4_000)
    expect(found).toEqual(['INSERT_CONTENT', 'UPDATE_CONTENT', 'READ_USERS', 'READ_USER_EMAILS'])
  })
})
