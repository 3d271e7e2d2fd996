import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect } from 'vitest'
import { type App, createApp } from '../../src/app.ts'
import { systemActor } from '../../src/audit/audit-log.ts'
import { sealedColumns } from '../../src/cli/sealed-columns.ts'
import { readConfig } from '../../src/config.ts'
import { type Db, openDatabase, type ServerLocation } from '../../src/db/database.ts'
import { createApiKey } from '../../src/environments/api-keys.ts'
import { deleteEnvironment, ensureEnvironment } from '../../src/environments/environment-store.ts'
import { createLog } from '../../src/log.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault, ringRefreshMs } from '../../src/vault/open-vault.ts'
import { rotateKeys } from '../../src/vault/rotate-keys.ts'
import { Secret } from '../../src/vault/secret.ts'
import { serverSecret } from '../../src/vault/server-secret.ts'
import { createPendingConsents } from '../authorization/support.ts'
import { type Browser, newBrowser } from '../support/browser.ts'
import { databaseEnv } from '../support/database.ts'
import { startReceiver } from '../webhooks/support.ts'

/** One environment of the fleet, and all texts that belong to it alone. */
export interface Tenant {
  readonly name: string
  readonly environmentId: string
  /** Its ADMIN key; {@link Fleet.rotateKey} replaces it. */
  key: string
  /** Its OAuth app as registered last; {@link Fleet.changeApp} changes it. */
  app: { readonly revision: number; readonly readsUsers: boolean }
  readonly identifiers: readonly string[]
  /** Node ids that answers to this tenant held. */
  readonly nodeIds: Set<string>
  /** Texts by the identifier that they belong to, or by '' for the environment as a whole. */
  readonly secrets: Map<string, Set<string>>
}

interface Answer {
  readonly data?: Record<string, unknown> | null
  readonly errors?: readonly { readonly message: string; readonly extensions: Record<string, unknown> }[]
}

/** Two nodes on one database, and environments in it. */
export interface Fleet {
  /** Makes three new environments, each with an OAuth app of its own, whose secrets no answer to others may hold. */
  newTenants(): Promise<readonly [Tenant, Tenant, Tenant]>
  /**
   * Ends the looking for these tenants' secrets, and deletes their environments when so many others have ended after them that
   * there are always some that no one uses any more.
   */
  forget(tenants: readonly Tenant[]): Promise<void>
  /** How many answers have been looked through. */
  readonly answers: number
  /** How many events endpoints have received. Throws if one of them was another tenant's. */
  readonly events: number
  /** Asks as a tenant (and, with a session, as one identifier) and looks through the answer for what is not theirs. */
  ask(
    node: number,
    tenant: Tenant,
    identifier: string | null,
    credential: string,
    document: string,
    variables: Record<string, unknown>,
  ): Promise<Answer>
  /** A user session of the tenant's backend for one of its users. */
  session(tenant: Tenant, identifier: string): Promise<string>
  /** Creates another ADMIN key for the tenant, revokes the one before it, and returns that. */
  rotateKey(node: number, tenant: Tenant): Promise<string>
  /**
   * Registers the tenant's OAuth app again, with another secret, which the provider requires from then on, another return
   * URL, and with or without READ_USERS.
   */
  changeApp(node: number, tenant: Tenant): Promise<void>
  /** Rotates the vault's data key of all nodes in the background, if no rotation is in progress. Throws if the last one failed. */
  rotateVault(): void
  /** Adds 201 unconfirmed consents of another user to the tenant's OAuth app. */
  crowd(tenant: Tenant): Promise<void>
  /**
   * From the link to the flow id, which is returned and not confirmed. Begins when no revocation is on its way: it may end the
   * grants of its owner, also a new one, which is then shown as REVOKED.
   */
  startFlow(
    node: number,
    tenant: Tenant,
    identifier: string,
    user: string,
    more?: { readonly allowUserChange: boolean },
  ): Promise<string>
  stop(): Promise<void>
}

/** The return URL of an OAuth app's registration. */
export const returnUrlOf = (revision: number) => `http://localhost:9/return/${revision}`

const masterKey = Buffer.alloc(32, 5).toString('base64')
const adminKey = 'the-operators-own-key-0123456789'

/** Environments of histories that have ended. With those of all histories, the rotations of a long run would take its time. */
const maxEnded = 60

/** Counts tenants of all fleets: they share a provider, which knows their OAuth apps by name. */
let generation = 0

/** Starts the nodes. */
export async function startFleet(options: {
  readonly database: ServerLocation
  readonly notionUrl: string
  /** The handle that the second node's stores get. */
  readonly wrapDatabase?: (db: Db) => Db
  readonly checkAnswers?: boolean
}): Promise<Fleet> {
  const directory = await mkdtemp(join(tmpdir(), 'valetkey-fleet-'))
  const nodes: { app: App; url: string }[] = []
  for (const name of ['one', 'two']) {
    const config = readConfig({
      NODE_ENV: 'development',
      PORT: '0',
      PUBLIC_URL: 'http://valetkey.localhost',
      ...databaseEnv(options.database),
      DATABASE_POOL_SIZE: '4',
      VALETKEY_DATA_DIR: join(directory, name),
      VALETKEY_MASTER_KEY: masterKey,
      VALETKEY_BOOTSTRAP_API_KEY: adminKey,
      VALETKEY_SANDBOX: 'off',
      NOTION_API_URL: options.notionUrl,
      LOG_LEVEL: 'silent',
    })
    const app = await createApp(config, {
      log: createLog(process.env['FLEET_LOG'] ?? 'silent'),
      ...(name === 'two' && options.wrapDatabase ? { wrapDatabase: options.wrapDatabase } : {}),
    })
    const { url } = await app.listen()
    nodes.push({ app, url })
  }
  let answers = 0

  /** Whether tokens of an owner without a grant are to be revoked, or are being revoked. Those of other owners are left alone. */
  const hasUnsentRevocation = async ({ environmentId }: Tenant) => {
    const { rows } = await sql<{ unsent: boolean }>`select exists (
      select from revocation_outbox where environment_id = ${environmentId} and not exists (
        select from grants where grants.environment_id = revocation_outbox.environment_id
          and grants.oauth_app_id = revocation_outbox.oauth_app_id
          and grants.workspace_id = revocation_outbox.workspace_id
          and grants.provider_user_id = revocation_outbox.provider_user_id and grants.status in ('active', 'pending')
      )
    ) as unsent`.execute(operator.db)
    return rows[0]?.unsent
  }

  const send = async (node: number, credential: string, document: string, variables: Record<string, unknown>) => {
    const url = nodes[node % nodes.length]?.url ?? ''
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${credential}` },
      body: JSON.stringify({ query: document, variables }),
    })
    const text = await response.text()
    return { text, answer: JSON.parse(text) as Answer }
  }

  const operator = await openDatabase(options.database, () => {})
  const keyEncryption = masterKeys({ primary: new Secret(masterKey), older: [] })
  const vault = await openVault({ db: operator.db, keyEncryption })
  const apiKeyPepper = await serverSecret(operator.db, vault, 'api-key-pepper')
  const bindingKey = await serverSecret(operator.db, vault, 'row-bindings')
  const tenants = new Set<Tenant>()
  const ended: Tenant[] = []

  /** Each tenant has an endpoint at a path of its own. */
  const receiver = await startReceiver()
  const leaks: Error[] = []
  receiver.answer((response, { path, body }) => {
    const tenant = [...tenants].find(({ name }) => path === `/${name}`)
    try {
      if (tenant && options.checkAnswers !== false) lookThrough(body, tenant, null)
    } catch (error) {
      leaks.push(error as Error)
    }
    response.writeHead(204).end()
  })

  const newTenant = async (letter: string): Promise<Tenant> => {
    // The end of the name keeps it from being the beginning of another one.
    const name = `${letter}-${++generation}x`
    const environment = await ensureEnvironment(operator.db, name)
    const { secret } = await createApiKey(
      { db: operator.db, apiKeyPepper, bindingKey, actor: systemActor },
      environment.id,
      {
        name: `key-of-${name}`,
        scopes: ['ADMIN'],
        expiresAt: null,
      },
    )
    const identifiers = [0, 1, 2].map((user) => `${name}-user-${user}`)
    const tenant: Tenant = {
      name,
      environmentId: environment.id,
      key: secret.reveal(),
      app: { revision: 0, readsUsers: true },
      identifiers,
      nodeIds: new Set(),
      secrets: new Map([
        ['', new Set([`client-of-${name}`, `key-of-${name}`])],
        ...identifiers.map((identifier): [string, Set<string>] => [identifier, new Set([identifier])]),
      ]),
    }
    await register(0, tenant)
    const created = await send(
      0,
      tenant.key,
      'mutation ($url: URL!) { createWebhookEndpoint(input: { url: $url }) { ... on CreateWebhookEndpointPayload { secret } } }',
      { url: `${receiver.url}/${name}` },
    )
    if (!created.text.includes('whsec_')) throw new Error(`No endpoint was created: ${created.text}`)
    return tenant
  }

  const register = async (node: number, { name, key, app: { revision, readsUsers } }: Tenant) => {
    const { answer } = await send(
      node,
      key,
      'mutation ($input: RegisterOAuthAppInput!) { registerOAuthApp(input: $input) { __typename } }',
      {
        input: {
          clientId: `client-of-${name}`,
          clientSecret: `secret-${revision}`,
          confirmationUrl: 'http://localhost:9/confirm',
          returnUrls: [returnUrlOf(revision)],
          // Switched off and on again by the changes of an app.
          contentSearch: revision % 2 === 0,
          capabilities: ['READ_CONTENT', ...(readsUsers ? ['READ_USERS', 'READ_USER_EMAILS'] : [])],
        },
      },
    )
    const registered = answer.data?.['registerOAuthApp'] as { __typename: string } | undefined
    if (registered?.__typename !== 'RegisterOAuthAppPayload')
      throw new Error(`not registered: ${JSON.stringify(answer)}`)
  }

  let isRotating = false
  let rotationFailure: unknown = null
  let stopped = false

  /** Whatever belongs to another tenant, or for a session to another identifier, may be in no answer. */
  const lookThrough = (text: string, tenant: Tenant, identifier: string | null) => {
    answers++
    if (text.includes('INTERNAL_SERVER_ERROR')) throw new Error(`A request failed: ${text}`)
    for (const other of tenants) {
      for (const [owner, texts] of other.secrets) {
        const own = other === tenant && (identifier === null || owner === identifier || owner === '')
        if (own) continue
        for (const secret of texts) {
          if (text.includes(secret)) {
            throw new Error(`${identifier ?? tenant.name} was shown "${secret}" of ${other.name}: ${text}`)
          }
        }
      }
    }
    if (identifier !== null) return
    for (const [, id] of text.matchAll(/"id":"([^"]+)"/g)) if (id) tenant.nodeIds.add(id)
  }

  const consent = async (
    node: number,
    tenant: Tenant,
    input: { identifier: string; allowUserChange?: boolean },
    user: string,
    browser: Browser,
  ) => {
    const { answer } = await send(
      node,
      tenant.key,
      'mutation ($input: AuthorizeInput!) { authorize(input: $input) { ... on AuthorizePayload { link } } }',
      { input },
    )
    const { link = '' } = (answer.data?.['authorize'] ?? {}) as { link?: string }
    // The public URL stands for a load balancer: it sends each step to either node.
    const through = (url: string | URL, at: number) => {
      const target = new URL(url)
      const via = new URL(nodes[at % nodes.length]?.url ?? '')
      if (target.hostname === 'valetkey.localhost') {
        target.hostname = '127.0.0.1'
        target.port = via.port
      }
      return target
    }
    const consentUrl = await browser.consentOf(await browser.get(through(link, node)))
    const back = browser.redirectOf(await browser.post(consentUrl, { user, resources: 'all', decision: 'allow' }))
    // The cookie was set at the node's own origin; the other node must accept it as well.
    const confirmation = browser.redirectOf(await browser.get(through(back, node)))
    return confirmation.searchParams.get('flow_id') ?? ''
  }

  return {
    async newTenants() {
      const made = [await newTenant('alpha'), await newTenant('bravo'), await newTenant('charlie')] as const
      for (const tenant of made) tenants.add(tenant)
      return made
    },
    async forget(gone) {
      for (const tenant of gone) tenants.delete(tenant)
      ended.push(...gone)
      const old = ended.splice(0, Math.max(0, ended.length - maxEnded))
      for (const { environmentId } of old) await deleteEnvironment(operator.db, environmentId)
    },
    async rotateKey(node, tenant) {
      const made = await send(
        node,
        tenant.key,
        `mutation ($n: String!) {
          createApiKey(input: { name: $n, scopes: [ADMIN] }) { ... on CreateApiKeyPayload { secret } }
        }`,
        { n: `key-of-${tenant.name}` },
      )
      const before = tenant.key
      const { secret } = (made.answer.data?.['createApiKey'] ?? {}) as { secret?: string }
      if (secret === undefined) throw new Error(`No key was made: ${made.text}`)
      tenant.key = secret
      const { answer } = await send(node, tenant.key, '{ apiKeys { id revokedAt } }', {})
      const keys = answer.data?.['apiKeys'] as { id: string; revokedAt: string | null }[]
      for (const { id } of keys.slice(1).filter(({ revokedAt }) => revokedAt === null)) {
        await send(node + 1, tenant.key, 'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }', {
          id,
        })
      }
      return before
    },
    get answers() {
      return answers
    },
    get events() {
      if (leaks[0]) throw leaks[0]
      return receiver.requests.length
    },
    async ask(node, tenant, identifier, credential, document, variables) {
      const { text, answer } = await send(node, credential, document, variables)
      // What the caller wrote itself may come back in messages.
      const asked = Object.values(variables).filter((value) => typeof value === 'string')
      const heard = asked.reduce((rest, value) => (value.length > 3 ? rest.replaceAll(value, '') : rest), text)
      if (options.checkAnswers !== false) lookThrough(heard, tenant, identifier)
      return answer
    },
    async session(tenant, identifier) {
      const { answer } = await send(
        0,
        tenant.key,
        'mutation ($i: String!) { createUserSession(input: { identifier: $i }) { ... on CreateUserSessionPayload { token } } }',
        { i: identifier },
      )
      return (answer.data?.['createUserSession'] as { token: string } | undefined)?.token ?? ''
    },
    async crowd(tenant) {
      const { id } = await operator.db
        .selectFrom('oauth_apps')
        .innerJoin('environments', 'environments.id', 'oauth_apps.environment_id')
        .select('oauth_apps.id')
        .where('environments.name', '=', tenant.name)
        .executeTakeFirstOrThrow()
      await createPendingConsents({ db: operator.db, vault, bindingKey }, id, 201)
    },
    async startFlow(node, tenant, identifier, user, more) {
      await expect.poll(() => hasUnsentRevocation(tenant), { timeout: 120_000 }).toBe(false)
      return consent(node, tenant, { identifier, ...more }, user, newBrowser())
    },
    async changeApp(node, tenant) {
      const { revision, readsUsers } = tenant.app
      tenant.app = { revision: revision + 1, readsUsers: !readsUsers }
      const response = await fetch(`${options.notionUrl}/_control/client`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ clientId: `client-of-${tenant.name}`, clientSecret: `secret-${revision + 1}` }),
      })
      if (!response.ok) throw new Error(await response.text())
      await register(node, tenant)
    },
    rotateVault() {
      if (rotationFailure !== null) throw rotationFailure
      if (isRotating) return
      isRotating = true
      rotateKeys({
        db: operator.db,
        vault,
        keyEncryption,
        columns: sealedColumns,
        actor: systemActor,
        onProgress: () => {},
        settleMs: ringRefreshMs * 1.5,
      })
        .then(({ unreadable }) => {
          if (unreadable > 0) throw new Error(`${unreadable} ciphertexts do not open`)
        })
        .catch((error: unknown) => {
          if (!stopped) rotationFailure = error
        })
        .finally(() => {
          isRotating = false
        })
    },
    async stop() {
      stopped = true
      for (const { app } of nodes) await app.stop()
      await receiver.close()
      vault.close()
      await operator.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
