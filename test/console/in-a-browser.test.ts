import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { connectors } from '../../src/connectors.ts'
import { publicEventTypes } from '../../src/provider-events/provider-event.ts'
import { webhookEventNames } from '../../src/webhooks/events.ts'
import { setContentSearch } from '../content-index/support.ts'
import { eventOf, handshake, newToken, send } from '../provider-events/support.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { chromiumPath, launchChromium } from '../support/chromium.ts'

/** Set to a directory to keep pictures of the pages. */
const pictures = process.env['PICTURES']

/** A page of the seed that the sandbox's tools can trash. */
const pageId = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'

describe.skipIf(chromiumPath === null)('the console in a browser', () => {
  let app: TestApp
  let browser: Browser
  /** Receives webhooks; refuses them at first. */
  const receiver = { status: 500, received: 0, url: '' }
  const server = createServer((request, response) => {
    request.resume()
    receiver.received++
    response.writeHead(receiver.status).end()
  })
  const contexts: BrowserContext[] = []
  /** What the pages reported, and requests to other servers. */
  const problems: string[] = []

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
    app = await startApp({ crawlTiming: { reportEveryMs: 200 } })
    browser = await launchChromium()
  })
  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()))
    expect(problems.splice(0)).toEqual([])
  })
  afterAll(async () => {
    await browser.close()
    await app.stop()
    server.close()
  })

  const open = async (options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
    contexts.push(context)
    // A failure then names what was missing, rather than the test.
    const page = await context.newPage()
    page.on('request', (request) => {
      const { origin, href } = new URL(request.url())
      if (origin !== app.url) problems.push(`request to ${origin}`)
      if (href.includes(app.apiKey)) problems.push('the key is in a URL')
    })
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => {
      // The browser reports each response of 400 or more, also those that the console shows.
      if (['error', 'warning'].includes(message.type()) && !/Failed to load resource/.test(message.text())) {
        problems.push(message.text())
      }
      if (message.text().includes(app.apiKey)) problems.push('the key was logged')
    })
    return page
  }
  const signIn = async (page: Page, key = app.apiKey, at = '') => {
    await page.goto(`${app.url}/console${at}`)
    await page.getByLabel('API key').fill(key)
    await page.keyboard.press('Enter')
    await page.getByRole('navigation').waitFor()
  }
  /** Opens the console at a place, signed in. */
  const visit = async (place: string, options: Parameters<typeof open>[0] = {}) => {
    const page = await open(options)
    await signIn(page, app.apiKey, `#/${place}`)
    return page
  }
  const picture = async (page: Page, name: string) => {
    if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true })
  }
  const row = (page: Page, text: string) => page.getByRole('row').filter({ hasText: text })
  const newKey = async (input: Record<string, unknown>) => {
    const { data } = await app.graphql(
      'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { ... on CreateApiKeyPayload { secret } } }',
      { input },
    )
    return (data['createApiKey'] as { secret: string }).secret
  }

  it('asks for a key, stores it in the tab alone, and forgets it on sign-out', async () => {
    const page = await open()
    await page.goto(`${app.url}/console`)
    await picture(page, 'sign-in')
    await page.getByLabel('API key').fill('vk_wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').filter({ hasText: 'whole key' }).waitFor()
    await page.getByLabel('API key').fill(app.apiKey)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Accounts' }).waitFor()
    expect(page.url()).not.toContain(app.apiKey)
    await page.reload()
    await page.getByRole('heading', { name: 'Accounts' }).waitFor()
    expect(await page.evaluate('localStorage.length + document.cookie.length')).toBe(0)
    const other = await page.context().newPage()
    await other.goto(`${app.url}/console`)
    await other.getByLabel('API key').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('API key').waitFor()
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
    await page.reload()
    await page.getByLabel('API key').waitFor()
  })

  it('shows an account as it becomes active, and its revocation with the event that reports it', async () => {
    const page = await visit('accounts')
    await page.getByText('Live', { exact: true }).waitFor()
    expect(await app.connect('live_1')).toBe('ACTIVE')
    await row(page, 'live_1').getByText('Active', { exact: true }).waitFor()

    const details = await visit('accounts/notion/live_1')
    const status = details.getByRole('region', { name: 'Status', exact: true })
    await status.getByText('Active', { exact: true }).waitFor()
    await status.getByText('Nothing. Tools can be called.').waitFor()
    await details.getByText('Live', { exact: true }).waitFor()
    await app.executeTool('live_1', 'notion_data_fetch', { query: 'Tasks' })

    // Both show it with the event itself: no query is answered before they do, so that it takes no longer than the event.
    let answer = () => {}
    const answered = new Promise<void>((resolve) => {
      answer = resolve
    })
    for (const each of [page, details]) {
      await each.route('**/graphql', async (route) => {
        if (!route.request().headers()['accept']?.includes('event-stream')) await answered
        await route.continue()
      })
    }
    await app.sandbox('revoke', { user: 'owner@acme.test' })
    await app.executeTool('live_1', 'notion_data_fetch', { query: 'Tasks' })
    await status.getByText('Revoked', { exact: true }).waitFor()
    await row(page, 'live_1').getByText('Revoked', { exact: true }).waitFor()
    answer()

    await details.getByText('The provider reported that the access was revoked.').first().waitFor()
    await row(details, 'notion_data_fetch').first().waitFor()
    await picture(details, 'account-revoked')
    await picture(page, 'accounts')
  })

  it('shows the progress of the index of an account with the events that report it', async () => {
    expect(await app.connect('indexed_1')).toBe('ACTIVE')
    const page = await visit('accounts/notion/indexed_1')
    await page.getByText('Live', { exact: true }).waitFor()
    await page.getByRole('heading', { name: 'Evidence' }).waitFor()
    expect(await page.getByText('Index of the content').count()).toBe(0)
    let queries = 0
    await page.route('**/graphql', async (route) => {
      if (!route.request().headers()['accept']?.includes('event-stream')) queries++
      await route.continue()
    })
    await setContentSearch(app, true)
    await page.getByText(/^Ready: (\d+) of \1 pages/).waitFor()
    expect(queries).toBe(0)
    await picture(page, 'account-indexed')
    await setContentSearch(app, false)
  })

  it('finds accounts by identifier, owner, workspace and metadata, and by status', async () => {
    for (const identifier of ['find_ann', 'find_bob']) await app.connect(identifier, { user: 'owner@globex.test' })
    await app.graphql(
      'mutation { updateConnectedAccount(input: { identifier: "find_bob", metadata: { plan: "pro", seats: 5 } }) { __typename } }',
    )
    const page = await visit('accounts')
    const identifiers = async () => (await page.locator('tbody td[data-name=Identifier]').allTextContents()).sort()
    const search = async (within: string, text: string) => {
      await page.getByLabel('Search in').selectOption(within)
      await page.getByRole('searchbox').fill(text)
      await page.keyboard.press('Enter')
    }
    await search('Identifier', 'find_')
    await expect.poll(identifiers).toEqual(['find_ann', 'find_bob'])
    await search('Owner e-mail', 'OWNER@glo')
    await expect.poll(identifiers).toEqual(['find_ann', 'find_bob'])
    await search('Workspace', 'nothing like it')
    await page.getByText('No account matches').waitFor()
    await search('Metadata', 'plan')
    await page.getByRole('alert').filter({ hasText: 'key=value' }).waitFor()
    await search('Metadata', 'seats=5')
    await expect.poll(identifiers).toEqual(['find_bob'])
    await page.getByRole('combobox', { name: 'Status' }).selectOption('Revoked')
    await page.getByText('No account matches').waitFor()
    await page.getByRole('link', { name: 'show all accounts' }).click()
    await expect.poll(async () => (await identifiers()).length).toBeGreaterThan(1)
    await page.goBack()
    await page.getByText('No account matches').waitFor()
  })

  it('checks, changes, disconnects and deletes an account, and asks before it destroys', async () => {
    await app.connect('changed', { user: 'owner@globex.test' })
    const page = await visit('accounts/notion/changed')
    await page.getByRole('button', { name: 'Check at the provider' }).click()
    await page.getByText('Checked at the provider. Status: Active.').waitFor()
    await page.getByRole('button', { name: 'Edit the metadata' }).click()
    await page.getByLabel('A JSON object').fill('{plan: 1}')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('alert').filter({ hasText: 'double quotes' }).waitFor()
    await page.getByLabel('A JSON object').fill('{"plan": "pro"}')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('"plan": "pro"').waitFor()
    await page.getByRole('button', { name: 'Authorization link' }).click()
    await page.getByRole('button', { name: 'Create link' }).click()
    expect(await page.getByRole('textbox', { name: 'Authorization link' }).inputValue()).toMatch(/\/connect\//)
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
    await page.getByRole('region', { name: 'Status', exact: true }).getByText('Disconnected', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Delete' }).click()
    await picture(page, 'confirm')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { name: 'Accounts' }).waitFor()
    await page.goto(`${app.url}/console#/accounts/notion/changed`)
    await page.getByText('This account does not exist').waitFor()
  })

  it('registers an OAuth app after it has shown the redirect URI', async () => {
    const page = await visit('oauth-apps')
    await page.getByRole('link', { name: 'Register an OAuth app' }).click()
    await page.getByLabel('Connection name').fill('second')
    await expect.poll(() => page.getByLabel('Redirect URI').inputValue()).toBe(`${app.url}/oauth/callback/second`)
    await picture(page, 'register-1')
    await page.getByRole('button', { name: 'Next: credentials' }).click()
    await page.getByLabel('OAuth client ID').fill('client-2')
    await page.getByLabel('OAuth client secret').fill('secret with blanks')
    await page.getByRole('checkbox', { name: 'Insert comments' }).uncheck()
    await page.getByRole('button', { name: 'Register' }).click()
    await page.getByRole('alert').filter({ hasText: 'clientSecret' }).waitFor()
    await picture(page, 'register-2')
    await page.getByLabel('OAuth client secret').fill('secret-2')
    await page.getByRole('button', { name: 'Register' }).click()
    await page.getByRole('heading', { name: 'The OAuth app second is registered' }).waitFor()
    await page.getByRole('link', { name: 'Show the OAuth apps' }).click()
    const card = page.getByRole('region', { name: 'second' })
    await card.getByText('client-2').waitFor()
    expect(await card.textContent()).not.toContain('Insert comments')
    await card.getByRole('button', { name: 'Verify' }).click()
    await page.getByText('The provider accepts the client ID and secret.').waitFor()
    await card.getByRole('link', { name: 'Register again' }).click()
    await page.getByText('An OAuth app has this connection name').waitFor()
    await page.getByRole('button', { name: 'Next: credentials' }).click()
    await page.getByLabel('OAuth client ID').fill('client-3')
    await page.getByLabel('OAuth client secret').fill('secret-3')
    await page.getByRole('button', { name: 'Register' }).click()
    await page.getByRole('dialog', { name: 'Replace the client ID?' }).getByRole('button', { name: 'Cancel' }).click()
    const { data } = await app.graphql('{ oauthApp(connectionName: "second") { clientId } }')
    expect(data).toEqual({ oauthApp: { clientId: 'client-2' } })
  })

  it("shows the URL and the token of a provider's webhook, and resets it", async () => {
    const page = await visit('oauth-apps')
    const card = page.getByRole('region', { name: 'notion', exact: true })
    await card.getByText('None: the webhook is not set up at the provider').waitFor()
    await card.getByRole('button', { name: 'Webhook' }).click()
    const dialog = page.getByRole('dialog', { name: 'Webhook of notion' })
    await dialog.getByText('The provider has sent no token yet').waitFor()
    expect(await dialog.getByLabel('Webhook URL').inputValue()).toBe(`${app.url}/webhooks/notion/notion`)
    const token = newToken()
    await handshake(app, token)
    await dialog.getByRole('button', { name: 'Refresh' }).click()
    await expect.poll(() => dialog.getByLabel('Verification token').inputValue()).toBe(token)
    await picture(page, 'webhook')
    expect(await send(app, eventOf(), token)).toMatchObject({ status: 200 })
    await dialog.getByRole('button', { name: 'Done' }).click()
    await card.getByText('Received').waitFor()
    await card.getByRole('button', { name: 'Webhook' }).click()
    await dialog.getByText('Active').waitFor()
    expect(await page.content()).not.toContain(token)
    await dialog.getByRole('button', { name: 'Reset' }).click()
    await page.getByRole('dialog', { name: 'Reset the webhook' }).getByRole('button', { name: 'Reset' }).click()
    await dialog.getByText('The provider has sent no token yet').waitFor()
  })

  it('creates, narrows, rotates and revokes API keys, and shows a secret once', async () => {
    const page = await visit('api-keys')
    await page.getByRole('button', { name: 'Create an API key' }).click()
    await page.getByLabel('Name').fill('billing')
    await page.getByText('Restrict it to users').click()
    await page.getByLabel('Starts of identifiers').fill('acme_')
    await picture(page, 'create-key')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    const secret = await page.getByRole('textbox', { name: 'API key' }).inputValue()
    const scopesOf = async (key: string) => (await app.graphql('{ viewer { scopes } }', {}, key)).data
    expect(await scopesOf(secret)).toEqual({ viewer: { scopes: ['ACCOUNTS_READ', 'TOOLS_READ'] } })
    await page.getByRole('button', { name: 'Done' }).click()
    await row(page, 'billing').getByText('Identifiers that start with: acme_').waitFor()
    expect(await page.content()).not.toContain(secret)

    await page.getByRole('button', { name: 'Narrow billing' }).click()
    await page.getByLabel('Starts of identifiers').fill('b')
    await page.getByRole('button', { name: 'Narrow', exact: true }).click()
    await page.getByRole('alert').filter({ hasText: 'identifierPrefixes' }).waitFor()
    await page.getByLabel('Starts of identifiers').fill('acme_eu_')
    await page.getByRole('button', { name: 'Narrow', exact: true }).click()
    await row(page, 'billing').getByText('Identifiers that start with: acme_eu_').waitFor()

    await page.getByRole('button', { name: 'Rotate billing' }).click()
    await page.getByRole('button', { name: 'Create the new key' }).click()
    const rotated = await page.getByRole('textbox', { name: 'API key' }).inputValue()
    expect(await scopesOf(rotated)).toEqual(await scopesOf(secret))
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await row(page, 'billing').getByText('Revoked').waitFor()
    expect((await app.graphql('{ viewer { scopes } }', {}, secret)).status).toBe(401)
    expect((await app.graphql('{ viewer { scopes } }', {}, rotated)).status).toBe(200)
    const { data } = await app.graphql('{ apiKeys { name identifierPrefixes revokedAt } }')
    const keys = (data['apiKeys'] as { name: string }[]).filter(({ name }) => name === 'billing')
    expect(keys).toMatchObject([
      { identifierPrefixes: ['acme_eu_'], revokedAt: null },
      { identifierPrefixes: ['acme_eu_'], revokedAt: expect.any(String) },
    ])
    await picture(page, 'api-keys')
  })

  it('signs out, with the reason, when the key in use is revoked elsewhere', async () => {
    const key = await newKey({ name: 'short life', scopes: ['ADMIN'] })
    const page = await open()
    await signIn(page, key)
    await page.getByText('Live', { exact: true }).waitFor()
    await app.graphql(
      'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }',
      await (async () => {
        const { data } = await app.graphql('{ apiKeys { id name } }')
        return { id: (data['apiKeys'] as { id: string; name: string }[]).find(({ name }) => name === 'short life')?.id }
      })(),
    )
    await page.getByText('You were signed out').waitFor()
    await page.getByLabel('API key').waitFor()
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
  })

  it('shows what a key may not do as not permitted', async () => {
    const page = await open()
    await signIn(page, await newKey({ name: 'reader', scopes: ['ACCOUNTS_READ'], identifiers: ['find_ann'] }))
    await row(page, 'find_ann').waitFor()
    expect(await page.getByRole('button', { name: 'Create an authorization link' }).count()).toBe(0)
    await page.getByRole('link', { name: 'API keys (not permitted)' }).click()
    await page.getByText('requires an API key with the scope ADMIN').waitFor()
    await page.getByRole('link', { name: 'Accounts' }).click()
    await row(page, 'find_ann').getByRole('link').click()
    await page.getByText('sign in with a key that has the scope ACCOUNTS_WRITE').waitFor()
    await page.goto(`${app.url}/console#/accounts/notion/live_1`)
    await page.getByRole('alert').filter({ hasText: 'Not permitted' }).first().waitFor()
    const session = await open()
    const { data } = await app.graphql(
      'mutation { createUserSession(input: { identifier: "find_ann" }) { ... on CreateUserSessionPayload { token } } }',
    )
    await session.goto(`${app.url}/console`)
    await session.getByLabel('API key').fill((data['createUserSession'] as { token: string }).token)
    await session.keyboard.press('Enter')
    await session.getByRole('alert').filter({ hasText: 'user session' }).waitFor()
  })

  it('lists webhook deliveries, shows why they failed, and replays them', async () => {
    const page = await visit('webhooks')
    await picture(page, 'webhooks-empty')
    await page.getByRole('button', { name: 'Add an endpoint' }).click()
    await page.getByLabel('URL').fill(receiver.url)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    expect(await page.getByRole('textbox', { name: 'Signing secret' }).inputValue()).toMatch(/^whsec_/)
    await page.getByRole('button', { name: 'Done' }).click()
    await app.graphql('mutation { getOrCreateConnectedAccount(input: { identifier: "hooked" }) { __typename } }')
    await expect.poll(() => receiver.received).toBeGreaterThan(0)
    await expect
      .poll(async () => {
        await page.getByRole('button', { name: 'Refresh' }).click()
        return row(page, 'connected_account.status_changed').getByText('HTTP 500').count()
      })
      .toBe(1)
    await picture(page, 'webhooks')
    receiver.status = 204
    await page.getByRole('button', { name: 'Attempt now connected_account.status_changed' }).click()
    await row(page, 'connected_account.status_changed').getByText('Delivered').waitFor()
    const before = receiver.received
    await page.getByRole('button', { name: 'Replay connected_account.status_changed' }).click()
    await expect.poll(() => receiver.received).toBe(before + 1)
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText('No endpoint receives events').waitFor()
  })

  it('offers every type of event that an endpoint can name, in groups, with its meaning', async () => {
    const page = await visit('webhooks')
    await page.getByRole('button', { name: 'Add an endpoint' }).click()
    const dialog = page.getByRole('dialog', { name: 'Add an endpoint' })
    await dialog.getByLabel('URL').fill(receiver.url)
    await dialog.getByText('Events from Notion (none selected)').click()
    const offered = await dialog.locator('.choice code').allTextContents()
    expect(offered).toEqual([...webhookEventNames, ...Object.keys(publicEventTypes(connectors))])
    const own = dialog.getByRole('group', { name: 'Events', exact: true })
    expect(await own.locator('.choice').count()).toBe(webhookEventNames.length)
    const pages = dialog.getByRole('group', { name: 'page', exact: true })
    await pages.getByText('The content of a page changed').waitFor()
    await picture(page, 'webhook-form')
    await own.getByRole('checkbox', { name: 'oauth_app.misconfigured' }).uncheck()
    await pages.getByRole('checkbox', { name: 'notion.page.content_updated' }).check()
    await dialog.getByRole('button', { name: 'Select all of comment' }).click()
    await dialog.getByText('Events from Notion (4 selected)').waitFor()
    await dialog.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('button', { name: 'Done' }).click()
    const { data } = await app.graphql('{ webhookEndpoints { events } }')
    const chosen = [
      ...webhookEventNames.filter((name) => name !== 'oauth_app.misconfigured'),
      'notion.page.content_updated',
      'notion.comment.created',
      'notion.comment.updated',
      'notion.comment.deleted',
    ]
    expect(data['webhookEndpoints']).toEqual([{ events: chosen }])
    const card = page.getByRole('region', { name: receiver.url })
    await card.getByText(chosen.join(', ')).waitFor()
    await card.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText('No endpoint receives events').waitFor()
  })

  it('shows calls that wait for an approval as they are made, and approves or rejects them', async () => {
    await app.connect('approved', { user: 'owner@acme.test' })
    const policy = (rule: string) => app.graphql(`mutation { setToolPolicy(input: { ${rule} }) { __typename } }`)
    await policy('requireApprovalFor: DESTRUCTIVE')
    const page = await visit('approvals')
    await page.getByText('No call waits for an approval').waitFor()
    await picture(page, 'approvals-empty')
    const key = await newKey({ name: 'agent', scopes: ['TOOLS_WRITE'] })
    const trash = () =>
      app.graphql(
        'mutation ($input: JSONObject!) { executeTool(input: { identifier: "approved", toolName: "notion_page_trash", toolInput: $input }) { __typename } }',
        { input: { page_id: pageId } },
        key,
      )
    expect((await trash()).data).toEqual({ executeTool: { __typename: 'ApprovalRequiredError' } })
    await page.getByText(pageId).first().waitFor()
    await picture(page, 'approvals')
    await page.getByRole('button', { name: 'Reject' }).click()
    await page.getByLabel('Reason').fill('Keep this page.')
    await page.getByRole('dialog').getByRole('button', { name: 'Reject' }).click()
    await page.getByText('No call waits for an approval').waitFor()
    expect((await trash()).data).toMatchObject({ executeTool: { __typename: expect.stringMatching(/Error$/) } })
    await app.graphql(
      'mutation ($input: JSONObject!) { executeTool(input: { identifier: "approved", toolName: "notion_page_trash", toolInput: $input, idempotencyKey: "again" }) { __typename } }',
      { input: { page_id: pageId } },
      key,
    )
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Approve and run' }).click()
    await page.getByText('Approved. The call has run.').waitFor()
    await page.getByText('No call waits for an approval').waitFor()
    await policy('')
    await page.getByRole('link', { name: 'Audit log' }).click()
    await row(page, 'tool_approval.approved').first().waitFor()
    await page.getByLabel('About').selectOption('Tools')
    await row(page, 'tool_approval.rejected').first().getByText('Show').click()
    await picture(page, 'audit-log')
  })

  it('charts tool calls over time, with the errors and what to do', async () => {
    for (let call = 0; call < 3; call++) await app.executeTool('find_ann', 'notion_data_fetch', { query: 'Tasks' })
    for (let call = 0; call < 2; call++) {
      await app.executeTool('find_ann', 'notion_page_fetch', { page_id: '00000000-0000-4000-8000-000000000000' })
    }
    const page = await visit('tool-calls')
    const errors = page.getByRole('region', { name: 'Errors, the most frequent first' })
    await errors.getByText('notion_page_fetch').first().waitFor()
    await page.getByText(/Failed: [1-9]/).waitFor()
    expect(await page.locator('.chart rect.failed').count()).toBeGreaterThan(0)
    await picture(page, 'tool-calls')
    await errors.getByRole('link', { name: 'notion_page_fetch' }).first().click()
    await page.getByText('Only notion_page_fetch: show all tools').waitFor()
    await expect.poll(() => row(page, 'notion_data_fetch').count()).toBe(0)
    await page.getByLabel('Period').selectOption('Last hour')
    await page.getByText('Show the numbers').click()
    // The two calls may be in two intervals.
    await page
      .getByRole('cell', { name: /^[12]$/ })
      .first()
      .waitFor()
  })

  it('lists the calls that ended with one type of error', async () => {
    await app.connect('failing')
    await app.executeTool('failing', 'notion_data_fetch', { query: 'Tasks' })
    await app.executeTool('failing', 'notion_page_fetch', { page_id: '00000000-0000-4000-8000-000000000000' })
    const page = await visit('tool-calls')
    const listed = page.getByRole('region', { name: 'Tool calls, newest first' })
    await listed.getByText('Succeeded').first().waitFor()
    await page.getByRole('combobox', { name: 'Error' }).selectOption('ResourceUnavailableError')
    await expect.poll(() => listed.getByText('Succeeded').count()).toBe(0)
    await listed.getByText('ResourceUnavailableError').first().waitFor()
    await page.getByLabel('Result').selectOption('Succeeded')
    await page.getByText('No call matches').waitFor()
  })

  it('can be used by keyboard alone: focus is visible, dialogs hold it and return it', async () => {
    const page = await open()
    await page.goto(`${app.url}/console`)
    const focused = () => page.evaluate('document.activeElement?.textContent.trim() || document.activeElement?.tagName')
    const tabTo = async (text: string) => {
      for (let presses = 0; presses < 40; presses++) {
        await page.keyboard.press('Tab')
        if ((await focused()) === text) return
      }
      throw new Error(`Tab does not reach ${text}.`)
    }
    await tabTo('INPUT')
    await page.keyboard.type(app.apiKey)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Accounts' }).waitFor()
    await tabTo('API keys')
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'API keys' }).waitFor()
    await expect.poll(focused).toBe('API keys')
    await tabTo('Create an API key')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    for (let presses = 0; presses < 30; presses++) {
      await page.keyboard.press('Tab')
      const inside =
        'document.activeElement === document.body || document.querySelector("dialog").contains(document.activeElement)'
      expect(await page.evaluate(inside)).toBe(true)
    }
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await expect.poll(focused).toBe('Create an API key')
  })

  it('shows what to do when the server cannot be reached', async () => {
    const page = await visit('accounts')
    await row(page, 'find_ann').waitFor()
    await page.route('**/graphql', (route) => route.abort())
    await page.getByRole('link', { name: 'Tool calls' }).click()
    await page.getByRole('alert').filter({ hasText: 'The server cannot be reached' }).first().waitFor()
    await page.unroute('**/graphql')
    await page.getByRole('button', { name: 'Try again' }).first().click()
    await page.locator('.chart').waitFor()
  })

  it('fits into 390 and 1280 pixels, in light and dark', async () => {
    const places = {
      accounts: 'accounts',
      account: 'accounts/notion/live_1',
      approvals: 'approvals',
      'tool-calls': 'tool-calls',
      'oauth-apps': 'oauth-apps',
      register: 'oauth-apps/new',
      'api-keys': 'api-keys',
      webhooks: 'webhooks',
      'audit-log': 'audit-log',
    }
    for (const width of [390, 1280]) {
      const page = await visit('accounts', { viewport: { width, height: 860 } })
      for (const [name, place] of Object.entries(places)) {
        await page.goto(`${app.url}/console#/${place}`)
        await page.locator('h1').waitFor()
        await page.locator('[aria-busy=true], .loading').first().waitFor({ state: 'detached' })
        expect([name, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([name, width])
        // What is cut off cannot be read: everything fits into its box, but for what scrolls.
        const clipped = `[...document.querySelectorAll('main *')].filter((each) => each.scrollWidth > each.clientWidth + 1
          && each.clientWidth > 1 && getComputedStyle(each).overflowX === 'hidden').length`
        expect([name, await page.evaluate(clipped)]).toEqual([name, 0])
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          await picture(page, `${name}-${width}-${colorScheme}`)
        }
        const paper = await page.evaluate('getComputedStyle(document.body).backgroundColor')
        expect([name, paper]).toEqual([name, 'rgb(19, 24, 21)'])
      }
    }
  })
})
