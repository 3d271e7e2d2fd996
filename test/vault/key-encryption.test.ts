import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { openStore } from '../../src/store.ts'
import { awsKmsKeys } from '../../src/vault/aws-kms-keys.ts'
import { crc32c, googleKmsKeys } from '../../src/vault/google-kms-keys.ts'
import type { KeyEncryption } from '../../src/vault/key-encryption.ts'
import { loadClient } from '../../src/vault/key-service.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import { serverSecret } from '../../src/vault/server-secret.ts'
import { transitKeys } from '../../src/vault/transit-keys.ts'
import { databaseEnv, freshDatabase, newPostgresDatabase } from '../support/database.ts'
import { awsKms, googleKeyName, googleKms, newServiceAccount, serve, transitEngine } from './key-service-stand-ins.ts'

const token = 'hvs.a-token'
const awsSecret = 'an-aws-secret-access-key'
const googleAccount = newServiceAccount('valetkey@p-1.iam.gserviceaccount.com')
const googleUnprivileged = newServiceAccount('unprivileged@p-1.iam.gserviceaccount.com')

const context = { purpose: 'valetkey data key', kid: '0011223344556677' }
const newMasterKey = () => new Secret(randomBytes(32).toString('base64'))

describe('a source of the key-encryption key', () => {
  const standIns: Awaited<ReturnType<typeof serve>>[] = []
  let directory: string
  let urls: Record<'transit' | 'aws' | 'google', string>
  beforeAll(async () => {
    standIns.push(
      await serve(transitEngine(token)),
      await serve(awsKms('AKIDVALETKEY')),
      await serve(googleKms(googleAccount)),
    )
    const [transit, aws, google] = standIns.map(({ url }) => url)
    urls = { transit: transit ?? '', aws: aws ?? '', google: google ?? '' }
    directory = await mkdtemp(join(tmpdir(), 'valetkey-kms-'))
    for (const { email, file } of [googleAccount, googleUnprivileged]) await writeFile(join(directory, email), file)
    // The variables that the libraries read, as operators set them.
    vi.stubEnv('AWS_REGION', 'eu-central-1')
    vi.stubEnv('AWS_PROFILE', undefined)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', awsSecret)
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    for (const { server } of standIns) {
      server.closeAllConnections()
      server.close()
    }
    await rm(directory, { recursive: true })
  })

  const transit = (key = 'valetkey', { secret = token, url = urls.transit, timeoutMs = 5_000 } = {}) =>
    transitKeys({ address: url, key, token: () => new Secret(secret), timeoutMs })
  const aws = (key = 'valetkey', { accessKeyId = 'AKIDVALETKEY', url = urls.aws, timeoutMs = 10_000 } = {}) => {
    vi.stubEnv('AWS_ENDPOINT_URL_KMS', url)
    vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId)
    return awsKmsKeys({ key: `alias/${key}`, timeoutMs })
  }
  const google = (key = 'valetkey', { account = googleAccount, url = urls.google, timeoutMs = 10_000 } = {}) => {
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', join(directory, account.email))
    return googleKmsKeys({ key: googleKeyName(key), endpoint: url, timeoutMs })
  }

  interface Source {
    readonly name: string
    /** The same key again, and another one. */
    readonly open: () => Promise<{
      readonly one: KeyEncryption
      readonly same: KeyEncryption
      readonly other: KeyEncryption
    }>
  }
  const sources: readonly Source[] = [
    {
      name: 'configured keys',
      async open() {
        const primary = newMasterKey()
        return {
          one: masterKeys({ primary, older: [] }),
          same: masterKeys({ primary, older: [newMasterKey()] }),
          other: masterKeys({ primary: newMasterKey(), older: [] }),
        }
      },
    },
    {
      name: 'OpenBao or Vault transit (against a local stand-in)',
      open: async () => ({ one: transit(), same: transit(), other: transit('another') }),
    },
    {
      name: 'AWS KMS (against a local stand-in)',
      open: async () => ({ one: await aws(), same: await aws(), other: await aws('another') }),
    },
    {
      name: 'Google Cloud KMS (against a local stand-in)',
      open: async () => ({ one: await google(), same: await google(), other: await google('another') }),
    },
  ]

  describe.each(sources)('$name', ({ open }) => {
    it('unwraps what it wrapped, on every node with the same configuration', async () => {
      const { one, same } = await open()
      const key = randomBytes(32)
      const blob = await one.wrap(key, context)
      expect(one.id).toBe(same.id)
      expect(Buffer.from(await same.unwrap(blob, context))).toEqual(key)
      expect(await one.wrap(key, context)).not.toBe(blob)
      expect(blob).not.toContain(key.toString('base64').slice(0, 20))
    })

    it.each([
      ['purpose', { ...context, purpose: 'valetkey canary' }],
      ['data key', { ...context, kid: 'ffffffffffffffff' }],
    ])('does not unwrap for another %s', async (_, elsewhere) => {
      const { one } = await open()
      const blob = await one.wrap(randomBytes(32), context)
      await expect(one.unwrap(blob, elsewhere)).rejects.toMatchObject({ kind: 'wrong_master_key' })
    })

    it('does not unwrap a blob of another key or a changed blob', async () => {
      const { one, other } = await open()
      const blob = await other.wrap(randomBytes(32), context)
      await expect(one.unwrap(blob, context)).rejects.toMatchObject({ name: 'VaultError' })
      const mine = await one.wrap(randomBytes(32), context)
      const at = mine.length - 30
      const changed = mine.slice(0, at) + (mine[at] === 'A' ? 'B' : 'A') + mine.slice(at + 1)
      await expect(one.unwrap(changed, context)).rejects.toMatchObject({ name: 'VaultError' })
    })

    it('opens the vault at the next start, and refuses a wrong key', async () => {
      const { one, same, other } = await open()
      const database = await freshDatabase('postgres')
      const first = await openVault({ db: database.db, keyEncryption: one })
      const secret = await serverSecret(database.db, first, 'pepper')
      first.close()
      const second = await openVault({ db: database.db, keyEncryption: same })
      expect((await serverSecret(database.db, second, 'pepper')).reveal()).toBe(secret.reveal())
      second.close()
      await expect(openVault({ db: database.db, keyEncryption: other })).rejects.toMatchObject({
        kind: 'wrong_master_key',
      })
      await database.close()
    })
  })

  it.each(['transit', 'aws', 'google'] as const)(
    'opens the configured key service: %s (against a local stand-in)',
    async (kind) => {
      await Promise.all([aws(), google()])
      const { location, drop } = await newPostgresDatabase()
      const variables = {
        transit: { VALETKEY_TRANSIT_KEY: 'valetkey', VAULT_ADDR: urls.transit, VAULT_TOKEN: token },
        aws: { VALETKEY_AWS_KMS_KEY: 'alias/valetkey' },
        google: { VALETKEY_GOOGLE_KMS_KEY: googleKeyName('valetkey'), VALETKEY_GOOGLE_KMS_ENDPOINT: urls.google },
      }[kind]
      const config = readConfig({
        ...variables,
        ...databaseEnv(location),
        VALETKEY_DATA_DIR: directory,
      })
      const id = {
        transit: 'transit/transit/valetkey',
        aws: 'aws-kms/alias/valetkey',
        google: `google-kms/${googleKeyName('valetkey')}`,
      }[kind]
      const store = await openStore(config, createLog('silent'), { ownDirectory: false })
      expect(store.keyEncryption.id).toBe(id)
      const wrappedBy = await store.database.db.selectFrom('vault_keys').select('kek_id').execute()
      expect(wrappedBy).toEqual([{ kek_id: store.keyEncryption.id }])
      await store.close()
      await drop()
    },
  )

  const services: readonly {
    readonly name: string
    readonly at: (url: string) => KeyEncryption | Promise<KeyEncryption>
    readonly withoutPermission: () => KeyEncryption | Promise<KeyEncryption>
  }[] = [
    {
      name: 'OpenBao or Vault transit',
      at: (url) => transit('valetkey', { url, timeoutMs: 1_000 }),
      withoutPermission: () => transit('valetkey', { secret: 'hvs.other' }),
    },
    {
      name: 'AWS KMS',
      at: (url) => aws('valetkey', { url, timeoutMs: 1_000 }),
      withoutPermission: () => aws('valetkey', { accessKeyId: 'AKIDSTRANGER' }),
    },
    {
      name: 'Google Cloud KMS',
      at: (url) => google('valetkey', { url, timeoutMs: 1_000 }),
      withoutPermission: () => google('valetkey', { account: googleUnprivileged }),
    },
  ]

  describe.each(services)('a failing stand-in for $name', ({ at, withoutPermission }) => {
    let faulty: Awaited<ReturnType<typeof serve>> | undefined
    afterEach(() => {
      faulty?.server.closeAllConnections()
      faulty?.server.close()
      faulty = undefined
    })
    const plaintext = randomBytes(32).toString('base64')
    /** A response that every client accepts. */
    const rightAnswer = JSON.stringify({
      data: { plaintext },
      Plaintext: plaintext,
      plaintext,
      plaintextCrc32c: String(crc32c(Buffer.from(plaintext, 'base64'))),
    })

    it('opens with a documented response', async () => {
      faulty = await serve((_, response) => void response.end(rightAnswer))
      const source = await at(faulty.url)
      expect(Buffer.from(await source.unwrap('vault:v1:AAAA', context)).toString('base64')).toBe(plaintext)
    })

    it.each<[string, RequestListener]>([
      ['a service that is out of order', (_, response) => void response.writeHead(503).end('{"errors":["sealed"]}')],
      ['an answer without data', (_, response) => void response.end('{}')],
      ['a response that is not JSON', (_, response) => void response.end('<html>')],
      ['an answer that breaks off', (_, response) => void response.end(`{"data":{"plaintext":"${plaintext}"`)],
      ['a redirect', (_, response) => void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
      [
        'an answer that is right and huge',
        (_, response) => void response.end(`${rightAnswer}${' '.repeat(1_000_000)}`),
      ],
      ['no response', () => {}],
      ['a cut connection', (request) => void request.socket.destroy()],
    ])('is distinguished from a wrong key, without a secret in the error: %s', async (_, listener) => {
      faulty = await serve(listener)
      const source = await at(faulty.url)
      const failure = await source.unwrap('vault:v1:AAAA', context).catch((error: unknown) => error)
      expect(failure).toMatchObject({ name: 'VaultError', kind: 'key_service' })
      const printed = `${(failure as Error).message}${JSON.stringify(failure)}`
      for (const secret of [token, awsSecret, plaintext]) expect(printed).not.toContain(secret)
    })

    it('sends nothing to the target of a redirect', async () => {
      const received: string[] = []
      const elsewhere = await serve((request, response) => {
        received.push(request.url ?? '')
        response.end('{}')
      })
      faulty = await serve((_, response) => void response.writeHead(307, { location: elsewhere.url }).end())
      const source = await at(faulty.url)
      await expect(source.wrap(randomBytes(32), context)).rejects.toMatchObject({ kind: 'key_service' })
      expect(received).toEqual([])
      elsewhere.server.closeAllConnections()
      elsewhere.server.close()
    })

    it('distinguishes credentials without permission from a wrong key', async () => {
      const source = await withoutPermission()
      await expect(source.wrap(randomBytes(32), context)).rejects.toMatchObject({ kind: 'key_service' })
    })
  })

  describe('a local stand-in for Google Cloud KMS', () => {
    const wrapped = { ciphertext: 'AAECAwQ=', ciphertextCrc32c: String(crc32c(Buffer.from('AAECAwQ=', 'base64'))) }
    const verified = { verifiedPlaintextCrc32c: true, verifiedAdditionalAuthenticatedDataCrc32c: true }

    it.each([
      ['whose ciphertext was changed', { ...wrapped, ...verified, ciphertext: 'AAECAwU=' }],
      ['without a checksum', { ...verified, ciphertext: wrapped.ciphertext }],
      ['to a plaintext that did not arrive whole', { ...wrapped, ...verified, verifiedPlaintextCrc32c: false }],
      [
        'to associated data that did not arrive whole',
        { ...wrapped, ...verified, verifiedAdditionalAuthenticatedDataCrc32c: false },
      ],
    ])('is asked once more, and then not believed, after an answer %s', async (_, answer) => {
      let asked = 0
      const { server, url } = await serve((_, response) => {
        asked += 1
        response.end(JSON.stringify(answer))
      })
      const source = await google('valetkey', { url })
      await expect(source.wrap(randomBytes(32), context)).rejects.toMatchObject({ kind: 'key_service' })
      expect(asked).toBe(2)
      server.closeAllConnections()
      server.close()
    })

    it('retries when the first response is damaged', async () => {
      let asked = 0
      const { server, url } = await serve((_, response) => {
        asked += 1
        response.end(JSON.stringify({ ...wrapped, ...verified, ...(asked === 1 ? { ciphertext: 'AAAA' } : {}) }))
      })
      const source = await google('valetkey', { url })
      expect(await source.wrap(randomBytes(32), context)).toBe(wrapped.ciphertext)
      server.closeAllConnections()
      server.close()
    })

    it('refuses a plaintext that does not match its checksum', async () => {
      const { server, url } = await serve((_, response) => {
        response.end(JSON.stringify({ plaintext: 'AAECAwQ=', plaintextCrc32c: '1' }))
      })
      const source = await google('valetkey', { url })
      await expect(source.unwrap('AAAA', context)).rejects.toMatchObject({ kind: 'key_service' })
      server.closeAllConnections()
      server.close()
    })
  })
})

it('names a missing client library with the command that installs it', async () => {
  const missing: string = '@aws-sdk/client-that-is-not-installed'
  const failure = await loadClient(missing, () => import(missing)).catch((error: unknown) => error)
  expect(failure).toMatchObject({ name: 'VaultError', kind: 'key_service' })
  expect((failure as Error).message).toContain(`npm install ${missing}`)
})

/** RFC 3720, appendix B.4, and the check value of the catalogue of CRCs. */
it.each([
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 bytes that rise', Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  ['32 bytes that fall', Uint8Array.from({ length: 32 }, (_, index) => 31 - index), 0x113fdb5c],
  ['the digits', Buffer.from('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(), 0],
])('CRC-32C is that of its specification: %s', (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected)
})
