import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordAudit, systemActor } from '../../src/audit/audit-log.ts'
import { sweepAuditEvents } from '../../src/audit/audit-sweeper.ts'
import { exportCommand } from '../../src/cli/audit-commands.ts'
import { run } from '../../src/cli/run.ts'
import type { Database, Db, Trx } from '../../src/db/database.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newBrowser } from '../support/browser.ts'
import { freshDatabase } from '../support/database.ts'

interface Event {
  readonly id: string
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly target: string | null
  readonly sourceAddress: string | null
  readonly requestId: string | null
  readonly before: Record<string, unknown> | null
  readonly after: Record<string, unknown> | null
}

const masterKey = randomBytes(32).toString('base64')

let app: TestApp
beforeAll(async () => {
  app = await startApp({ database: 'postgres', env: { VALETKEY_MASTER_KEY: masterKey } })
})
afterAll(() => app.stop())

const fields = 'id at actor action target sourceAddress requestId before after'

async function events(filter: Record<string, unknown> = {}, credential?: string): Promise<readonly Event[]> {
  const { data, errors } = await app.graphql(
    `query ($filter: AuditEventFilter) { auditEvents(first: 100, filter: $filter) { nodes { ${fields} } } }`,
    { filter },
    credential,
  )
  expect(errors).toBeUndefined()
  return (data['auditEvents'] as { nodes: Event[] }).nodes
}

/** Runs a mutation with an input and returns the member of its result union, with the id of its request. */
async function mutate(name: string, input: Record<string, unknown>, selection: string, credential?: string) {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`
  const answer = await app.graphql(
    `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ${selection} } }`,
    { input },
    credential,
  )
  expect(answer.errors).toBeUndefined()
  const result = answer.data[name] as { readonly __typename: string; readonly [field: string]: unknown }
  return { result, requestId: answer.headers.get('x-request-id') }
}

async function newKey(scopes: readonly string[]) {
  const { result } = await mutate(
    'createApiKey',
    { name: 'second', scopes },
    '... on CreateApiKeyPayload { secret apiKey { id } }',
  )
  return { secret: result['secret'] as string, id: (result['apiKey'] as { id: string }).id }
}

const command = async (line: string) => {
  const lines: string[] = []
  const code = await run(
    line.split(' '),
    { DATABASE_URL: app.config.databaseUrl ?? '', VALETKEY_MASTER_KEY: masterKey },
    (text) => lines.push(text),
    () => {},
  )
  return { code, lines }
}

const registration = (confirmationUrl: string, clientSecret: string) => ({
  connectionName: 'story',
  clientId: 'client-of-the-story',
  clientSecret,
  capabilities: ['READ_CONTENT'],
  confirmationUrl,
})

describe('the audit log', () => {
  it('shows afterwards that a new ADMIN key replaced the confirmation URL and was revoked again', async () => {
    await mutate('registerOAuthApp', registration('https://app.example/confirm', 'first-secret'), '')
    const intruder = await newKey(['ADMIN'])
    const replaced = await mutate(
      'registerOAuthApp',
      registration('https://evil.example/', 'second-secret'),
      '... on RegisterOAuthAppPayload { oauthApp { id } }',
      intruder.secret,
    )
    const revoked = await mutate('revokeApiKey', { id: intruder.id }, '', intruder.secret)

    const [third, second, first, registered] = await events()
    const appId = (replaced.result['oauthApp'] as { id: string }).id
    expect(third).toMatchObject({
      action: 'api_key.revoked',
      actor: intruder.id,
      target: intruder.id,
      requestId: revoked.requestId,
      before: { revokedAt: null },
      after: { name: 'second', revokedAt: expect.any(String) },
    })
    expect(second).toMatchObject({
      action: 'oauth_app.updated',
      actor: intruder.id,
      target: appId,
      sourceAddress: expect.stringContaining('127.0.0.1'),
      requestId: replaced.requestId,
      before: { connectionName: 'story', confirmationUrl: 'https://app.example/confirm' },
      after: { confirmationUrl: 'https://evil.example/', clientSecret: 'changed' },
    })
    expect(first).toMatchObject({ action: 'api_key.created', target: intruder.id, after: { scopes: ['ADMIN'] } })
    expect(registered).toMatchObject({ action: 'oauth_app.registered', target: appId, before: null })
    expect(registered?.after).not.toHaveProperty('binding')
    expect(JSON.stringify(await events())).not.toMatch(/first-secret|second-secret|secret_hmac/)
    // The actor can be looked up after its revocation.
    const node = await app.graphql('query ($id: ID!) { node(id: $id) { ... on ApiKey { name } } }', {
      id: second?.actor,
    })
    expect(node.data['node']).toEqual({ name: 'second' })
  })

  it('does not report a secret as changed that was registered again', async () => {
    await mutate('registerOAuthApp', registration('https://app.example/confirm', 'second-secret'), '')
    expect((await events())[0]?.after).not.toHaveProperty('clientSecret')
  })

  it('has the authorization, the confirmation, the disconnection and the deletion of an account with their actors', async () => {
    const key = await newKey(['ACCOUNTS_READ', 'ACCOUNTS_WRITE'])
    await app.connect('audited', { credential: key.secret })
    await mutate('disconnectConnectedAccount', { identifier: 'audited' }, '', key.secret)
    const transitions = await app.graphql(
      '{ connectedAccount(identifier: "audited") { id transitions { nodes { to actor } } } }',
    )
    const account = transitions.data['connectedAccount'] as { id: string; transitions: { nodes: unknown } }
    expect(account.transitions.nodes).toEqual([
      { to: 'DISCONNECTED', actor: key.id },
      { to: 'ACTIVE', actor: key.id },
      { to: 'PENDING_CONFIRMATION', actor: 'user' },
      { to: 'PENDING', actor: key.id },
    ])
    await mutate('deleteConnectedAccount', { identifier: 'audited' }, '', key.secret)
    const found = await events({ target: account.id })
    expect(found.map(({ action, actor }) => [action, actor])).toEqual([
      ['account.deleted', key.id],
      ['account.disconnected', key.id],
      ['authorization.confirmed', key.id],
      ['authorization.started', key.id],
    ])
    expect(found[1]).toMatchObject({
      before: { connectionName: 'notion', identifier: 'audited', status: 'ACTIVE' },
      after: { status: 'DISCONNECTED' },
    })
  })

  it('has refused confirmations, with who was signed in', async () => {
    const begun = await mutate(
      'authorize',
      { identifier: 'victim' },
      '... on AuthorizePayload { link connectedAccount { id } }',
    )
    const { link, connectedAccount } = begun.result as unknown as { link: string; connectedAccount: { id: string } }
    const visitor = newBrowser()
    const consent = visitor.redirectOf(await visitor.get(link))
    const callback = visitor.redirectOf(await visitor.post(consent, { resources: 'all', decision: 'allow' }))
    const flowId = visitor.redirectOf(await visitor.get(callback)).searchParams.get('flow_id')
    const { result } = await mutate('confirmAuthorization', { flowId, identifier: 'attacker' }, '')
    expect(result.__typename).toBe('IdentifierMismatchError')
    expect((await events({ target: connectedAccount.id }))[0]).toMatchObject({
      action: 'authorization.refused',
      after: { identifier: 'victim', confirmedAs: 'attacker', outcome: 'other_identifier' },
    })
  })

  it('has imports, with whose tokens they are and without the tokens', async () => {
    await mutate(
      'registerOAuthApp',
      { ...registration('https://app.example/confirm', 'secret'), connectionName: 'imports' },
      '',
    )
    const redirectUri = 'http://localhost'
    const query = new URLSearchParams({
      client_id: 'client-of-the-story',
      response_type: 'code',
      redirect_uri: redirectUri,
    })
    const consent = await fetch(`${app.url}/sandbox/v1/oauth/authorize?${query}`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ resources: 'all', decision: 'allow' }),
    })
    const code = new URL(consent.headers.get('location') ?? '').searchParams.get('code')
    const response = await fetch(`${app.url}/sandbox/v1/oauth/token`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Basic ${Buffer.from('client-of-the-story:secret').toString('base64')}`,
      },
      body: JSON.stringify({ grant_type: 'authorization_code', code, redirect_uri: redirectUri }),
    })
    const { access_token: accessToken } = (await response.json()) as { access_token: string }
    const { result } = await mutate(
      'importConnectedAccount',
      { connectionName: 'imports', identifier: 'moved', accessToken },
      '... on ImportConnectedAccountPayload { connectedAccount { id } }',
    )
    const [imported] = await events()
    expect(imported).toMatchObject({
      action: 'account.imported',
      target: (result['connectedAccount'] as { id: string }).id,
      before: { status: 'PENDING', grant: null },
      after: {
        connectionName: 'imports',
        identifier: 'moved',
        status: 'ACTIVE',
        grant: { workspaceId: expect.any(String) },
      },
    })
    expect(JSON.stringify(imported)).not.toContain(accessToken)
  })

  it('has user sessions, which act under their own ID', async () => {
    const { result } = await mutate(
      'createUserSession',
      { identifier: 'eve' },
      '... on CreateUserSessionPayload { token sessionId }',
    )
    await mutate('authorize', { identifier: 'eve' }, '', result['token'] as string)
    const [started, session] = await events()
    expect(session).toMatchObject({
      action: 'user_session.created',
      target: result['sessionId'],
      after: { identifier: 'eve' },
    })
    expect(started).toMatchObject({ action: 'authorization.started', actor: result['sessionId'] })
  })

  it('has the bootstrap key', async () => {
    const created = await events({ actor: 'system', action: ['api_key.created'] })
    expect(created.map(({ after }) => after?.['bootstrap'])).toEqual([true])
  })

  it('records nothing for a call that is refused, and nothing for tool calls', async () => {
    await app.connect('caller')
    const before = (await events()).length
    await mutate('revokeApiKey', { id: Buffer.from('ApiKey:x').toString('base64') }, '')
    await mutate('disconnectConnectedAccount', { identifier: 'unknown' }, '')
    await app.executeTool('caller', 'notion_user_self', {})
    expect(await events()).toHaveLength(before)
  })

  it('pages with sealed cursors of one length, and IDs that contain no count of events', async () => {
    const page = async (after: string | null) => {
      const { data } = await app.graphql(
        'query ($a: String) { auditEvents(first: 2, after: $a) { nodes { id } pageInfo { endCursor hasNextPage } } }',
        { a: after },
      )
      return data['auditEvents'] as { nodes: { id: string }[]; pageInfo: { endCursor: string; hasNextPage: boolean } }
    }
    const all = await events()
    const seen: string[] = []
    const lengths = new Set<number>()
    let cursor: string | null = null
    for (let more = true; more; ) {
      const { nodes, pageInfo } = await page(cursor)
      seen.push(...nodes.map(({ id }) => id))
      lengths.add(pageInfo.endCursor.length)
      cursor = pageInfo.endCursor
      more = pageInfo.hasNextPage
    }
    expect(seen).toEqual(all.map(({ id }) => id))
    expect(lengths.size).toBe(1)
    const uuidOfTime = /^AuditEvent:[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
    for (const id of seen) expect(Buffer.from(id, 'base64').toString()).toMatch(uuidOfTime)
    expect(all.map(({ at }) => at)).toEqual(
      all
        .map(({ at }) => at)
        .sort()
        .reverse(),
    )
    const refused = await app.graphql('{ auditEvents(after: "WzFd") { nodes { id } } }')
    expect(refused.errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT')
  })

  it('is filtered by actor, action and time', async () => {
    const { id } = await newKey(['TOOLS_READ'])
    const [created] = await events({ target: id })
    expect(created).toMatchObject({ action: 'api_key.created' })
    const at = created?.at ?? ''
    expect(await events({ since: at })).toContainEqual(created)
    expect(await events({ until: at })).not.toContainEqual(created)
    expect((await events({ actor: 'system' })).map(({ action }) => action)).toContain('environment.created')
    const actions = await events({ action: ['oauth_app.updated', 'oauth_app.registered'] })
    expect(new Set(actions.map(({ action }) => action))).toEqual(new Set(['oauth_app.updated', 'oauth_app.registered']))
  })

  it('belongs to its environment and is for ADMIN keys only', async () => {
    const { lines } = await command('keys create --environment elsewhere --name agent --scopes ADMIN')
    const [foreign] = await events({}, lines[1])
    expect(foreign).toMatchObject({ action: 'api_key.created', actor: 'cli', requestId: null })
    expect((await events()).some(({ id }) => id === foreign?.id)).toBe(false)
    const found = await app.graphql('query ($id: ID!) { node(id: $id) { id } }', { id: foreign?.id })
    expect(found.data['node']).toBeNull()
    const { secret } = await newKey(['ACCOUNTS_READ', 'ACCOUNTS_WRITE'])
    const refused = await app.graphql('{ auditEvents { nodes { id } } }', {}, secret)
    expect(refused.errors?.[0]?.extensions['code']).toBe('FORBIDDEN')
  })

  it('is exported as JSON lines: of one environment, or of all with the acts on the server', async () => {
    await command('keys rotate --settle 0')
    const exported = async (options: string) =>
      (await command(`audit export ${options}`.trim())).lines.map((line) => JSON.parse(line) as Event)
    const own = await exported('--environment default')
    expect(own.map(({ id }) => id)).toEqual((await events()).map(({ id }) => id).reverse())
    expect(own.at(-1)).toMatchObject({ ...(await events())[0] })
    const all = await exported('')
    expect(all.length).toBeGreaterThan(own.length)
    expect(all.slice(-3).map(({ action, actor }) => [action, actor])).toEqual([
      ['vault_key.added', 'cli'],
      ['vault_key.promoted', 'cli'],
      ['vault_key.retired', 'cli'],
    ])
    expect(await exported(`--environment default --since ${own.at(-1)?.at}`)).toEqual(own.slice(-1))
    await expect(command('audit export --environment defualt')).rejects.toThrow(/unknown environment "defualt"/)
    await expect(command('audit export --since someday')).rejects.toThrow(/--since must be a date/)
  })

  it('is exported without gaps: an act that is being recorded is waited for, and later ones are left to the next export', async () => {
    const database = await freshDatabase()
    const record = (db: Db, id: string) =>
      recordAudit(db as Trx, systemActor, {
        environmentId: null,
        action: 'vault_key.added',
        target: null,
        after: { id },
      })
    const slow = await database.db.startTransaction().execute()
    const ids: unknown[] = []
    let pauses = 0
    const clock = {
      async sleep() {
        pauses += 1
        await record(database.db, `during pause ${pauses}`)
        if (pauses === 2) await slow.commit().execute()
      },
    }
    try {
      await record(slow, 'slow')
      await record(database.db, 'fast')
      const options = { environment: undefined, since: undefined, until: undefined }
      await exportCommand({ database }, (line) => void ids.push(JSON.parse(line).after.id), options, clock)
      expect([ids, pauses]).toEqual([['slow', 'fast'], 2])
    } finally {
      if (!slow.isCommitted) await slow.rollback().execute()
      await database.close()
    }
  })

  it('outlives its environment', async () => {
    await command('keys create --environment leaving --name agent --scopes ADMIN')
    const created = (await command('audit export --environment leaving')).lines.map((line) => JSON.parse(line))
    await command('environments delete leaving')
    const id = Buffer.from(created[0].environment, 'base64').toString().replace('Environment:', '')
    const after = (await command(`audit export --environment ${id}`)).lines.map((line) => JSON.parse(line) as Event)
    expect(after.map(({ action }) => action)).toEqual([
      'environment.created',
      'api_key.created',
      'environment.deletion_started',
      'environment.deleted',
    ])
  })
})

describe.each(['embedded', 'postgres'] as const)('the table of the audit log in a %s database', (kind) => {
  let database: Database
  beforeAll(async () => {
    database = await freshDatabase(kind)
  })
  afterAll(() => database.close())

  const add = (count: number, after: object = {}) =>
    database.db.transaction().execute((trx) => {
      const entry = { environmentId: null, action: 'vault_key.added', target: null, after: { ...after } } as const
      return recordAudit(trx, systemActor, ...Array.from({ length: count }, () => entry))
    })
  const count = async () =>
    (
      await database.db
        .selectFrom('audit_events')
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .executeTakeFirstOrThrow()
    ).n

  it('refuses changes and deletions', async () => {
    await add(2)
    for (const statement of [
      sql`update audit_events set actor = 'other'`,
      sql`delete from audit_events`,
      sql`truncate audit_events`,
      sql`select sweep_audit_events(interval '0', 100)`,
    ])
      await statement.execute(database.db).catch(() => {})
    await expect(sql`update audit_events set actor = 'other'`.execute(database.db)).rejects.toThrow(
      /must not be changed/,
    )
    await expect(sql`delete from audit_events`.execute(database.db)).rejects.toThrow(/must not be changed/)
    expect(await count()).toBe(2)
  })

  it('sets time and order itself', async () => {
    await sql`insert into audit_events (id, at, actor, action) values (gen_random_uuid(), '2001-01-01', 'a', 'b')`.execute(
      database.db,
    )
    const last = await database.db
      .selectFrom('audit_events')
      .select(['actor', sql<boolean>`at > clock_timestamp() - interval '1 minute'`.as('recent')])
      .orderBy('id', 'desc')
      .executeTakeFirst()
    expect(last).toEqual({ actor: 'a', recent: true })
  })

  it('is exported with the acts from right before the export', async () => {
    await add(1, { last: true })
    const lines: string[] = []
    const options = { environment: undefined, since: undefined, until: undefined }
    await exportCommand({ database }, (line) => void lines.push(line), options)
    expect(lines).toHaveLength(await count())
    expect(lines.at(-1)).toContain('"last":true')
  })

  it('loses events after their retention, in batches, and no others', async () => {
    const recent = await count()
    await add(1_200, { old: true })
    // Rows of another time exist only in tests: triggers are off for them.
    await database.db.connection().execute(async (connection) => {
      await sql`set session_replication_role = replica`.execute(connection)
      await sql`update audit_events set at = at - interval '401 days',
        id = (lpad(to_hex(floor(extract(epoch from at - interval '401 days') * 1000)::bigint), 12, '0') || substr(replace(id::text, '-', ''), 13))::uuid
        where after ? 'old'`.execute(connection)
      await sql`set session_replication_role = origin`.execute(connection)
    })
    expect(await sweepAuditEvents(database.db, 500)).toBe(0)
    expect(await sweepAuditEvents(database.db, 400)).toBe(1_200)
    expect(await count()).toBe(recent)
  })
})
