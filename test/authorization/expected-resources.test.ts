import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { confirmAuthorization } from '../../src/accounts/authorization/confirm-authorization.ts'
import { refreshAccount } from '../../src/accounts/grants/verify-grant.ts'
import { createNotionOAuth } from '../../src/notion/oauth/notion-oauth.ts'
import { startSandbox } from '../sandbox/support.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newBrowser } from '../support/browser.ts'
import { Browser, connectInBrowser, flowIdOf, startAuthorizationSystem } from './support.ts'

const projects = '2561ab6c-418b-8072-beec-c4779fa811cf'
const meetingNotes = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.stop())

interface Account {
  readonly needsReauthorization: boolean
  readonly nextAction: string | null
}

/** Has the user choose `resources` where the application asked for the expected ones. */
async function consent(identifier: string, expectedResources: readonly object[], resources: string): Promise<Account> {
  const authorized = await app.graphql(
    'mutation ($input: AuthorizeInput!) { authorize(input: $input) { ... on AuthorizePayload { link } } }',
    { input: { identifier, expectedResources } },
  )
  const { link } = authorized.data['authorize'] as { link: string }
  const browser = newBrowser()
  const page = await (await browser.get(link)).text()
  const onward = /href="([^"]*oauth\/authorize[^"]*)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const callback = browser.redirectOf(await browser.post(onward, { resources, decision: 'allow' }))
  const confirmation = browser.redirectOf(await browser.get(callback))
  const confirmed = await app.graphql(
    `mutation ($input: ConfirmAuthorizationInput!) {
      confirmAuthorization(input: $input) {
        ... on ConfirmAuthorizationPayload { connectedAccount { needsReauthorization nextAction } }
      }
    }`,
    { input: { flowId: confirmation.searchParams.get('flow_id'), identifier } },
  )
  return (confirmed.data['confirmAuthorization'] as { connectedAccount: Account }).connectedAccount
}

const refresh = async (identifier: string): Promise<Account> => {
  const answer = await app.graphql(
    `mutation ($i: String!) {
      refreshConnectedAccount(input: { identifier: $i }) {
        ... on RefreshConnectedAccountPayload { connectedAccount { needsReauthorization nextAction } }
      }
    }`,
    { i: identifier },
  )
  return (answer.data['refreshConnectedAccount'] as { connectedAccount: Account }).connectedAccount
}

it.each([
  ['by their ids', projects, meetingNotes],
  ['by their titles', null, null],
])('expected resources are looked for %s, and what did not come along is named', async (how, first, second) => {
  const account = await consent(
    how,
    [
      { name: 'Projects', resourceId: first },
      { name: 'Meeting Notes', resourceId: second },
    ],
    projects,
  )
  expect(account.needsReauthorization).toBe(true)
  expect(account.nextAction).toContain('Meeting Notes')
  expect(account.nextAction).not.toContain('Projects')
  // The user shares it in Notion, without a new consent.
  await app.sandbox('share', { user: 'owner@acme.test', resourceId: meetingNotes })
  expect(await refresh(how)).toEqual({ needsReauthorization: false, nextAction: null })
})

it('all that was expected and shared leaves nothing to do', async () => {
  const expected = [{ name: 'Projects' }, { name: 'Meeting Notes', resourceId: meetingNotes }]
  expect(await consent('complete', expected, 'all')).toEqual({ needsReauthorization: false, nextAction: null })
})

it('a capability that the provider refuses is seen by a refresh, and one that it grants again as well', async () => {
  await consent('capable', [{ name: 'Projects' }], 'all')
  await app.sandbox('capabilities', {
    clientId: 'valetkey-development',
    capabilities: [
      'READ_CONTENT',
      'UPDATE_CONTENT',
      'READ_COMMENTS',
      'INSERT_COMMENTS',
      'READ_USERS',
      'READ_USER_EMAILS',
    ],
  })
  expect((await refresh('capable')).nextAction).toContain('INSERT_CONTENT')
})

it('a refresh does not overwrite what a consent that came meanwhile lacks', async () => {
  const sandbox = await startSandbox()
  onTestFinished(() => sandbox.close())
  const notion = createNotionOAuth()
  let meanwhile = async () => {}
  const system = await startAuthorizationSystem({
    apiUrl: sandbox.url,
    provider: {
      ...notion,
      async visibleResources(...asked) {
        const visible = await notion.visibleResources?.(...asked)
        await meanwhile()
        return visible ?? new Set()
      },
    },
  })
  onTestFinished(() => system.close())
  await system.registerApp()
  const authorizeWith = async (name: string, resourceId: string, resources: string) => {
    const link = await system.link('ann', { expectedResources: [{ name, reason: null, resourceId }] })
    const confirmationToken = flowIdOf(await connectInBrowser(new Browser(system), link, { resources }))
    const confirmation = { confirmationToken, identifier: 'ann' }
    return (await confirmAuthorization(system.context, system.environmentId, confirmation)).account
  }
  const missing = (account: { readonly missingResources: readonly { readonly name: string }[] }) =>
    account.missingResources.map(({ name }) => name)
  expect(missing(await authorizeWith('Meeting Notes', meetingNotes, projects))).toEqual(['Meeting Notes'])
  await sandbox.control('share', { user: 'owner@acme.test', resourceId: meetingNotes })
  meanwhile = async () => {
    meanwhile = async () => {}
    expect(missing(await authorizeWith('Projects', projects, meetingNotes))).toEqual(['Projects'])
  }
  const name = { connectionName: 'notion', identifier: 'ann' }
  expect(missing(await refreshAccount(system.context, system.environmentId, name))).toEqual(['Projects'])
})
