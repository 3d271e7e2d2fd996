import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemActor } from '../../src/audit/audit-log.ts'
import { sealedColumns } from '../../src/cli/sealed-columns.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { createApiKey } from '../../src/environments/api-keys.ts'
import { ensureEnvironment } from '../../src/environments/environment-store.ts'
import type { ToolLimits } from '../../src/tools/limits.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { rotateKeys } from '../../src/vault/rotate-keys.ts'
import { Secret } from '../../src/vault/secret.ts'
import { serverSecret } from '../../src/vault/server-secret.ts'
import { startApp, type TestApp } from '../support/app.ts'

const page = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'

const masterKey = randomBytes(32).toString('base64')

let app: TestApp
let database: Database
const keys = { agent: '', approver: '' }
beforeAll(async () => {
  app = await startApp({ database: 'postgres', env: { VALETKEY_MASTER_KEY: masterKey } })
  database = await openDatabase({ kind: 'server', url: app.config.databaseUrl ?? '', maxConnections: 2 }, () => {})
  keys.agent = await newKey(['TOOLS_READ', 'TOOLS_WRITE'])
  keys.approver = await newKey(['TOOLS_APPROVE'])
  await app.connect('ann')
  await app.graphql('mutation { setToolPolicy(input: { requireApprovalFor: WRITES }) { __typename } }')
})
afterAll(async () => {
  await database.close()
  await app.stop()
})

async function newKey(scopes: readonly string[], more: object = {}): Promise<string> {
  const { data } = await app.graphql(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { ... on CreateApiKeyPayload { secret } } }',
    { input: { name: 'test', scopes, ...more } },
  )
  return (data['createApiKey'] as { secret: string }).secret
}

let texts = 0
const newText = () => `Comment number ${texts++} <b>\u{202e}`

/** A call that waits: its page's URL, and its ID. */
async function request(text: string, toolInput: object = { parent: page, comment: text }) {
  const { data } = await app.graphql(
    `mutation ($input: ExecuteToolInput!) { executeTool(input: $input) {
      ... on ToolError { hint } ... on ApprovalRequiredError { approvalId approvalUrl } } }`,
    { input: { identifier: 'ann', toolName: 'notion_comment_create', toolInput, idempotencyKey: text } },
    keys.agent,
  )
  return data['executeTool'] as { approvalId: string; approvalUrl: string; hint: string }
}

const own = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' }

/** A browser with its cookies. */
function newBrowser() {
  const cookies = new Map<string, string>()
  const send = async (url: string, init: RequestInit = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { redirect: 'manual', ...init, headers: { cookie, ...init.headers } })
    for (const set of response.headers.getSetCookie()) {
      const [name = '', value = ''] = set.split(';', 1)[0]?.split(/=(.*)/s) ?? []
      cookies.set(name, value)
    }
    const text = await response.text()
    return { status: response.status, text, title: /<h1>(.*)<\/h1>/.exec(text)?.[1], headers: response.headers }
  }
  return {
    get: (url: string) => send(url),
    decide: (url: string, decision: string, headers: Record<string, string> = own) =>
      send(url, { method: 'POST', headers, body: `decision=${decision}` }),
    /** Opens a link, and returns the state that its page brings to the application. */
    async stateOf(url: string): Promise<string> {
      const { text } = await send(url)
      const href = /href="([^"]*approval_state=[^"]*)"/.exec(text)?.[1] ?? ''
      return new URL(href).searchParams.get('approval_state') ?? ''
    },
  }
}

async function confirm(state: string, identifier = 'ann', credential = keys.approver) {
  const { data, errors } = await app.graphql(
    `mutation ($input: ConfirmApproverInput!) { confirmApprover(input: $input) {
      __typename ... on ConfirmApproverPayload { url toolApproval { id status } } } }`,
    { input: { approvalState: state, identifier } },
    credential,
  )
  return (errors?.[0]?.extensions['code'] ?? data['confirmApprover']) as { __typename: string; url: string }
}

/** Goes the whole way to the page with the decision. */
async function arrive(approvalUrl: string) {
  const browser = newBrowser()
  const { url } = await confirm(await browser.stateOf(approvalUrl))
  return { browser, url }
}

/** How many comments with this text the page has at the provider. */
async function written(text: string): Promise<number> {
  const found = await app.executeTool('ann', 'notion_comments_fetch', { block_id: page })
  return JSON.stringify(found).split(`"plain_text":${JSON.stringify(text)}`).length - 1
}

const idOf = (approvalUrl: string) => approvalUrl.split('/').at(-1) ?? ''

it('is named by the hint for the model, without its URL', async () => {
  const { approvalUrl, hint } = await request('hinted')
  expect(hint).toContain('The application can send the user to the page of approvalUrl')
  expect(hint).not.toContain(idOf(approvalUrl))
  expect(hint).not.toMatch(/https?:/)
})

describe('the page of an approval', () => {
  it('shows the exact call to the user whom the application confirms, runs it once, and states what happened', async () => {
    const text = newText()
    const { approvalUrl } = await request(text)
    const { browser, url } = await arrive(approvalUrl)
    const shown = await browser.get(url)
    expect(shown.title).toBe('Do you approve this?')
    expect(shown.text).toContain(text.replace('<b>\u{202e}', '&lt;b&gt;\u{fffd}'))
    // Browsers without Sec-Fetch-Site would send a decision with the origin null.
    expect(shown.headers.get('referrer-policy')).toBe('same-origin')
    expect(shown.headers.get('content-security-policy')).toMatch(/form-action 'self'; base-uri 'none'; frame-ancestors/)
    const decided = await Promise.all(['approve', 'approve', 'approve'].map((one) => browser.decide(url, one)))
    expect(new Set(decided.map(({ title }) => title))).toEqual(new Set(['Approved and done']))
    expect((await browser.decide(url, 'reject')).title).toBe('Approved and done')
    expect((await browser.get(approvalUrl)).title).toBe('Approved and done')
    expect(await written(text)).toBe(1)
    const { data } = await app.graphql('{ auditEvents(first: 1) { nodes { action actor } } }')
    expect(data['auditEvents']).toEqual({ nodes: [{ action: 'tool_approval.approved', actor: 'user' }] })
  })

  it('states that a call was rejected, has failed, or was refused since', async () => {
    const text = newText()
    const rejected = await arrive((await request(text)).approvalUrl)
    expect((await rejected.browser.decide(rejected.url, 'reject')).title).toBe('Rejected')
    expect((await rejected.browser.decide(rejected.url, 'approve')).title).toBe('Rejected')
    expect(await written(text)).toBe(0)

    const missing = { parent: '00000000-0000-4000-8000-000000000000', comment: 'x' }
    const failing = await arrive((await request('failing', missing)).approvalUrl)
    expect((await failing.browser.decide(failing.url, 'approve')).title).toBe('Approved, but it failed')

    const refused = await arrive((await request(newText())).approvalUrl)
    await app.graphql('mutation { setToolPolicy(input: { connectionName: "notion", readOnly: true }) { __typename } }')
    expect((await refused.browser.decide(refused.url, 'approve')).title).toBe('This was not done')
    await app.graphql('mutation { setToolPolicy(input: { connectionName: "notion" }) { __typename } }')
    expect((await refused.browser.decide(refused.url, 'reject')).title).toBe('Rejected')
  })

  it('states that the time is over, and runs nothing then', async () => {
    const text = newText()
    const { approvalUrl } = await request(text)
    const { browser, url } = await arrive(approvalUrl)
    await sql`update tool_approvals set expires_at = now() - interval '1 second' where id = ${idOf(approvalUrl)}`.execute(
      database.db,
    )
    for (const answer of [await browser.get(url), await browser.decide(url, 'approve')])
      expect(answer.title).toBe('The time is over')
    expect(await written(text)).toBe(0)
  })

  it('can be opened any number of times, by programs too, and shows nothing of the call to the holder of the link', async () => {
    const text = newText()
    const { approvalUrl } = await request(text)
    for (let visit = 0; visit < 3; visit++) {
      const { title, text: shown } = await newBrowser().get(approvalUrl)
      expect(title).toBe('An assistant asks for your approval')
      expect(shown).not.toContain('Comment number')
      expect(shown).not.toContain('<form')
    }
    expect((await fetch(approvalUrl, { method: 'HEAD' })).status).toBe(200)
    expect((await newBrowser().decide(approvalUrl, 'approve')).status).toBe(403)
    const { browser, url } = await arrive(approvalUrl)
    expect((await browser.get(url)).title).toBe('Do you approve this?')
    expect(await written(text)).toBe(0)
    await browser.decide(url, 'reject')
  })

  it('takes no decision from another browser, another approval, another site, or a changed address', async () => {
    const [text, otherText] = [newText(), newText()]
    const { approvalUrl } = await request(text)
    const other = await request(otherText)
    const { browser, url } = await arrive(approvalUrl)
    const decided = new URL(url)
    const state = decided.searchParams.get('approval_state') ?? ''
    const proof = decided.searchParams.get('proof') ?? ''
    const at = (base: string, parameters: Record<string, string>) => `${base}?${new URLSearchParams(parameters)}`
    const addresses: [string, ReturnType<typeof newBrowser>][] = [
      [url, newBrowser()],
      [at(other.approvalUrl, { approval_state: state, proof }), browser],
      [at(other.approvalUrl, { approval_state: await browser.stateOf(other.approvalUrl), proof }), browser],
      [at(approvalUrl, { approval_state: await browser.stateOf(approvalUrl), proof }), browser],
      [at(approvalUrl, { approval_state: state }), browser],
      [
        at(approvalUrl, { approval_state: state, proof: proof.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')) }),
        browser,
      ],
      [at(approvalUrl, { approval_state: state, proof: `${randomUuid()}.${proof.split('.')[1]}` }), browser],
      [approvalUrl, browser],
    ]
    for (const [address, visitor] of addresses) {
      expect((await visitor.get(address)).text, address).not.toContain('Comment number')
      expect((await visitor.decide(address, 'approve')).status, address).toBe(403)
    }
    const form = { 'content-type': own['content-type'] }
    const foreign: Record<string, string>[] = [
      form,
      { ...form, 'sec-fetch-site': 'cross-site' },
      { ...form, 'sec-fetch-site': 'same-site', origin: app.url },
      { ...form, origin: 'https://evil.example' },
      { ...form, origin: 'null' },
    ]
    for (const headers of foreign)
      expect((await browser.decide(url, 'approve', headers)).status, JSON.stringify(headers)).toBe(403)
    expect((await browser.decide(url, 'perhaps')).status).toBe(403)
    expect((await browser.get(`${app.url}/approve/${randomUuid()}`)).status).toBe(404)
    expect((await browser.get(`${app.url}/approve/x%27`)).status).toBe(404)
    expect([await written(text), await written(otherText)]).toEqual([0, 0])
    expect((await browser.decide(url, 'approve')).title).toBe('Approved and done')
  })

  it('is open only to the user whom a credential may confirm', async () => {
    const { approvalUrl } = await request(newText())
    const browser = newBrowser()
    const state = await browser.stateOf(approvalUrl)
    expect(await confirm(state, 'bob')).toEqual({ __typename: 'ApproverMismatchError' })
    const unknown = { __typename: 'ApprovalNotFoundError' }
    expect(await confirm(`${state.slice(0, -1)}${state.endsWith('A') ? 'B' : 'A'}`)).toEqual(unknown)
    const narrowed = await newKey(['TOOLS_APPROVE'], { identifiers: ['bob'] })
    expect(await confirm(state, 'ann', narrowed)).toBe('FORBIDDEN')
    expect(await confirm(state, 'bob', narrowed)).toEqual(unknown)
    expect(await confirm(state, 'ann', keys.agent)).toBe('FORBIDDEN')
    const leaving = await newKey(['TOOLS_APPROVE'])
    const { url } = await confirm(state, 'ann', leaving)
    expect((await browser.get(url)).title).toBe('Do you approve this?')
    await sql`update api_keys set revoked_at = now() where id = ${new URL(url).searchParams.get('proof')?.split('.')[0]}`.execute(
      database.db,
    )
    await expect.poll(async () => (await browser.get(url)).title).toBe('An assistant asks for your approval')
    expect((await browser.decide(url, 'approve')).status).toBe(403)
  })

  it('is closed when the user session that confirmed the user is revoked', async () => {
    const { approvalUrl } = await request(newText())
    const browser = newBrowser()
    const { data } = await app.graphql(
      'mutation { createUserSession(input: { identifier: "ann" }) { ... on CreateUserSessionPayload { token } } }',
    )
    const { token } = data['createUserSession'] as { token: string }
    const { url } = await confirm(await browser.stateOf(approvalUrl), 'ann', token)
    expect((await browser.get(url)).title).toBe('Do you approve this?')
    const asKey = url.replace(/(proof=[\w-]+\.[\w-]+)\.[\w-]+/, '$1')
    expect(asKey).not.toBe(url)
    expect((await browser.get(asKey)).title).toBe('An assistant asks for your approval')
    await app.graphql('mutation { revokeUserSessions(input: { identifier: "ann" }) { __typename } }')
    expect((await browser.get(url)).title).toBe('An assistant asks for your approval')
    expect((await browser.decide(url, 'approve')).status).toBe(403)
  })

  it('is refused to the credential of another environment, and to the key that made the call', async () => {
    const both = await newKey(['TOOLS_WRITE', 'TOOLS_APPROVE'])
    const { data } = await app.graphql(
      `mutation ($input: ExecuteToolInput!) { executeTool(input: $input) { ... on ApprovalRequiredError { approvalUrl } } }`,
      { input: { identifier: 'ann', toolName: 'notion_comment_create', toolInput: { parent: page, comment: 'own' } } },
      both,
    )
    const { approvalUrl } = data['executeTool'] as { approvalUrl: string }
    const state = await newBrowser().stateOf(approvalUrl)
    expect(await confirm(state, 'ann', both)).toBe('FORBIDDEN')
    const keyEncryption = masterKeys({ primary: new Secret(masterKey), older: [] })
    const vault = await openVault({ db: database.db, keyEncryption })
    const environments = {
      db: database.db,
      apiKeyPepper: await serverSecret(database.db, vault, 'api-key-pepper'),
      bindingKey: await serverSecret(database.db, vault, 'row-bindings'),
      actor: systemActor,
    }
    const { id } = await ensureEnvironment(database.db, 'other')
    const { secret } = await createApiKey(environments, id, { name: 'other', scopes: ['ADMIN'], expiresAt: null })
    const unknown = { __typename: 'ApprovalNotFoundError' }
    expect(await confirm(state, 'ann', secret.reveal())).toEqual(unknown)
    // The link of another installation.
    const another = await startApp()
    expect((await fetch(`${another.url}/approve/${idOf(approvalUrl)}`)).status).toBe(404)
    await another.stop()
  })

  it('runs the call after the keys of the vault were rotated', async () => {
    const text = newText()
    const { browser, url } = await arrive((await request(text)).approvalUrl)
    const keyEncryption = masterKeys({ primary: new Secret(masterKey), older: [] })
    const vault = await openVault({ db: database.db, keyEncryption })
    await rotateKeys({
      db: database.db,
      vault,
      keyEncryption,
      columns: sealedColumns,
      actor: systemActor,
      onProgress: () => {},
      settleMs: 0,
    })
    expect((await browser.get(url)).text).toContain('Comment number')
    expect((await browser.decide(url, 'approve')).title).toBe('Approved and done')
    expect(await written(text)).toBe(1)
  })

  it('plays the application in development, with one click', async () => {
    const text = newText()
    const { approvalUrl } = await request(text)
    const browser = newBrowser()
    const state = await browser.stateOf(approvalUrl)
    const confirming = `${app.url}/connect/confirm?approval_state=${state}`
    expect((await browser.get(confirming)).title).toBe('Who is signed in?')
    expect((await browser.decide(confirming, '', { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    const { status, headers } = await browser.decide(confirming, '')
    expect(status).toBe(303)
    const url = new URL(headers.get('location') ?? '', app.url).href
    expect((await browser.decide(url, 'approve')).title).toBe('Approved and done')
    expect(await written(text)).toBe(1)
  })
})

/** Starts a server with a key whose searches need an approval. `call` requests one, and returns its ID. */
async function startLimited(toolLimits: Partial<ToolLimits>) {
  const limited = await startApp({ database: 'postgres', toolLimits })
  await limited.connect('ann')
  const { data } = await limited.graphql(
    'mutation { createApiKey(input: { name: "agent", scopes: [TOOLS_READ], requireApprovalToolNames: ["notion_data_fetch"] }) { ... on CreateApiKeyPayload { secret } } }',
  )
  const { secret } = data['createApiKey'] as { secret: string }
  const call = async () => {
    const answer = await limited.graphql(
      'mutation { executeTool(input: { identifier: "ann", toolName: "notion_data_fetch", toolInput: {} }) { ... on ApprovalRequiredError { approvalId } } }',
      {},
      secret,
    )
    return (answer.data['executeTool'] as { approvalId: string }).approvalId
  }
  return { limited, call }
}

describe('an approval that waits', () => {
  it('leaves the stream when its time is over, before it is deleted', async () => {
    const { limited, call } = await startLimited({ approvalMs: 8_000 })
    const own = await openDatabase(
      { kind: 'server', url: limited.config.databaseUrl ?? '', maxConnections: 1 },
      () => {},
    )
    const leaving = new AbortController()
    const seen: number[] = []
    const stream = (async () => {
      const document = 'subscription { pendingApprovals { id } }'
      for await (const { pendingApprovals } of limited.subscribe(document, {}, { signal: leaving.signal }))
        seen.push((pendingApprovals as unknown[]).length)
    })().catch(() => {})
    await call()
    // Nothing deletes a row that is locked, so that no deletion reports the end.
    await own.db.transaction().execute(async (trx) => {
      expect(await trx.selectFrom('tool_approvals').select('id').forUpdate().execute()).toHaveLength(1)
      await expect.poll(() => seen.includes(1) && seen.at(-1) === 0, { interval: 50 }).toBe(true)
      expect(await trx.selectFrom('tool_approvals').select('state').execute()).toEqual([{ state: 'pending' }])
    })
    leaving.abort()
    await stream
    await own.close()
    await limited.stop()
  })

  it('has a result that is as short when it is read again as at first', async () => {
    const { limited, call } = await startLimited({ resultBytes: 2_000 })
    const id = await call()
    const approve = async () => {
      const answer = await limited.graphql(
        'mutation ($id: ID!) { approveToolExecution(input: { approvalId: $id }) { ... on ExecuteToolPayload { data } } }',
        { id },
      )
      return JSON.stringify(answer.data['approveToolExecution'])
    }
    for (const result of [await approve(), await approve()]) {
      expect(result).toContain('"data"')
      expect(Buffer.byteLength(result)).toBeLessThan(2_500)
    }
    await limited.stop()
  })
})

const randomUuid = () => crypto.randomUUID()
