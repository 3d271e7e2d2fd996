import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { KeyEncryption } from '../../src/vault/key-encryption.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import { serverSecret } from '../../src/vault/server-secret.ts'
import { transitKeys } from '../../src/vault/transit-keys.ts'
import { freshDatabase } from '../support/database.ts'

const token = 'hvs.a-token'

/** A stand-in for the transit engine: its HTTP API for encrypting and decrypting, over keys of its own. */
function transitEngine(): RequestListener {
  const keys = new Map([
    ['valetkey', randomBytes(32)],
    ['another', randomBytes(32)],
  ])
  const answer = (request: Parameters<RequestListener>[0], body: Record<string, string>): [number, object] => {
    if (request.headers['x-vault-token'] !== token) return [403, { errors: ['permission denied'] }]
    const [, operation, name] = /^\/v1\/transit\/(encrypt|decrypt)\/(.+)$/.exec(request.url ?? '') ?? []
    const key = keys.get(name ?? '')
    if (!key) return [404, { errors: [] }]
    const aad = Buffer.from(body['associated_data'] ?? '', 'base64')
    if (operation === 'encrypt') {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aad)
      const sealed = Buffer.concat([
        iv,
        cipher.update(Buffer.from(body['plaintext'] ?? '', 'base64')),
        cipher.final(),
        cipher.getAuthTag(),
      ])
      return [200, { data: { ciphertext: `vault:v1:${sealed.toString('base64')}`, key_version: 1 } }]
    }
    try {
      const [prefix, version, text] = (body['ciphertext'] ?? '').split(':')
      if (prefix !== 'vault' || version !== 'v1') throw new Error('prefix')
      const sealed = Buffer.from(text ?? '', 'base64')
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
      decipher.setAAD(aad).setAuthTag(sealed.subarray(-16))
      const plain = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])
      return [200, { data: { plaintext: plain.toString('base64') } }]
    } catch {
      return [400, { errors: ['invalid ciphertext: could not decrypt'] }]
    }
  }
  return (request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const [status, json] = answer(request, JSON.parse(body))
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
    })
  }
}

async function serve(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const context = { purpose: 'valetkey data key', kid: '0011223344556677' }
const newMasterKey = () => new Secret(randomBytes(32).toString('base64'))

describe('a source of the key-encryption key', () => {
  let engine: Awaited<ReturnType<typeof serve>>
  beforeAll(async () => {
    engine = await serve(transitEngine())
  })
  afterAll(() => engine.server.close())
  const transit = (key = 'valetkey', secret = token) =>
    transitKeys({ address: engine.url, key, token: () => new Secret(secret) })

  interface Source {
    readonly name: string
    /** The same key again, and another one that the first cannot know. */
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
          one: await masterKeys({ primary, older: [] }),
          same: await masterKeys({ primary, older: [newMasterKey()] }),
          other: await masterKeys({ primary: newMasterKey(), older: [] }),
        }
      },
    },
    {
      name: 'OpenBao or Vault transit',
      open: async () => ({ one: transit(), same: transit(), other: transit('another') }),
    },
  ]

  describe.each(sources)('$name', ({ open }) => {
    it('unwraps what it has wrapped, on every node that is configured alike', async () => {
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

    it('does not unwrap what another key has wrapped, nor a changed blob', async () => {
      const { one, other } = await open()
      const blob = await other.wrap(randomBytes(32), context)
      await expect(one.unwrap(blob, context)).rejects.toMatchObject({ name: 'VaultError' })
      const mine = await one.wrap(randomBytes(32), context)
      const at = mine.length - 30
      const changed = mine.slice(0, at) + (mine[at] === 'A' ? 'B' : 'A') + mine.slice(at + 1)
      await expect(one.unwrap(changed, context)).rejects.toMatchObject({ name: 'VaultError' })
    })

    it('carries a vault from its first start to the next, which a wrong key is refused', async () => {
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

  describe('the transit engine, when it fails,', () => {
    let faulty: Awaited<ReturnType<typeof serve>> | undefined
    afterEach(() => {
      faulty?.server.closeAllConnections()
      faulty?.server.close()
    })
    const failing = async (listener: RequestListener) => {
      faulty = await serve(listener)
      return transitKeys({
        address: faulty.url,
        key: 'valetkey',
        token: () => new Secret(token),
        timeoutMs: 300,
      })
    }

    it.each<[string, RequestListener]>([
      ['a sealed engine', (_, response) => void response.writeHead(503).end('{"errors":["Vault is sealed"]}')],
      ['an answer without data', (_, response) => void response.end('{}')],
      ['an answer that is no JSON', (_, response) => void response.end('<html>')],
      ['a redirect', (_, response) => void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
      ['a huge answer', (_, response) => void response.end(' '.repeat(1_000_000))],
      ['no answer', () => {}],
      ['a cut connection', (request) => void request.socket.destroy()],
    ])('is told apart from a wrong key: %s', async (_, listener) => {
      const source = await failing(listener)
      const failure = await source.unwrap('vault:v1:AAAA', context).catch((error: unknown) => error)
      expect(failure).toMatchObject({ name: 'VaultError', kind: 'key_service' })
      expect(String((failure as Error).message)).not.toContain(token)
    })

    it('is told apart from a wrong key: a token without permission', async () => {
      await expect(transit('valetkey', 'hvs.other').wrap(randomBytes(32), context)).rejects.toMatchObject({
        kind: 'key_service',
      })
    })
  })
})
