import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { openDatabase } from '../../src/db/database.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newPostgresDatabase, type TestDatabase } from '../support/database.ts'

/** Two nodes of one installation. */
export interface Nodes {
  readonly nodes: readonly [TestApp, TestApp]
  /** Runs `act` while reading the credential of a stream fails. */
  withoutSessions(act: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

/** Starts two nodes on one Postgres database. Without a common PUBLIC_URL each accepts its own user sessions alone. */
export async function startNodes(): Promise<Nodes> {
  const database: TestDatabase = await newPostgresDatabase()
  const directory = await mkdtemp(join(tmpdir(), 'valetkey-streams-'))
  const env = {
    DATABASE_URL: database.location.kind === 'server' ? database.location.url : '',
    VALETKEY_MASTER_KEY: Buffer.alloc(32, 3).toString('base64'),
    VALETKEY_CORS_ORIGINS: 'https://app.example',
  }
  const one = await startApp({ directory: join(directory, 'one'), env })
  const two = await startApp({ directory: join(directory, 'two'), env })
  return {
    nodes: [one, two],
    async withoutSessions(act) {
      const { db, close } = await openDatabase(database.location, () => {})
      try {
        await sql`alter table user_sessions rename to gone`.execute(db)
        try {
          await act()
        } finally {
          await sql`alter table gone rename to user_sessions`.execute(db)
        }
      } finally {
        await close()
      }
    },
    async stop() {
      await one.stop()
      await two.stop()
      await database.drop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export const watchDocument = 'subscription ($i: String!) { connectedAccountStatus(identifier: $i) { status } }'

export const createAccount = (node: TestApp, identifier: string) =>
  node.graphql('mutation ($i: String!) { getOrCreateConnectedAccount(input: { identifier: $i }) { __typename } }', {
    i: identifier,
  })

export async function newKey(node: TestApp, scopes: readonly string[]): Promise<{ secret: string; id: string }> {
  const { data } = await node.graphql(
    `mutation ($s: [Scope!]!) {
      createApiKey(input: { name: "key", scopes: $s }) { ... on CreateApiKeyPayload { secret apiKey { id } } }
    }`,
    { s: scopes },
  )
  const { secret, apiKey } = data['createApiKey'] as { secret: string; apiKey: { id: string } }
  return { secret, id: apiKey.id }
}

export const revokeKey = (node: TestApp, id: string) =>
  node.graphql('mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }', { id })

export async function newSession(
  node: TestApp,
  identifier: string,
  { expiresInSeconds = 900, key = node.apiKey } = {},
): Promise<string> {
  const { data } = await node.graphql(
    `mutation ($i: String!, $s: Int!) {
      createUserSession(input: { identifier: $i, expiresInSeconds: $s }) { ... on CreateUserSessionPayload { token } }
    }`,
    { i: identifier, s: expiresInSeconds },
    key,
  )
  return (data['createUserSession'] as { token: string }).token
}

/** What a stream was sent until its end: whole, or cut. */
export interface Received {
  text: string
  end: 'open' | 'complete' | 'cut'
}

/** Reads a response as it comes. */
export function read(response: Response): Received {
  const received: Received = { text: '', end: 'open' }
  void (async () => {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) received.text += chunk
  })().then(
    () => {
      received.end = 'complete'
    },
    () => {
      received.end = 'cut'
    },
  )
  return received
}
