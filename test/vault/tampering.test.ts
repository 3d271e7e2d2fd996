import { type KeyObject, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { FlattenedEncrypt, flattenedDecrypt } from 'jose'
import { describe, expect, it } from 'vitest'
import { additionalData, decrypt, encrypt, importDataKey, parseCiphertext } from '../../src/vault/ciphertext.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { Secret } from '../../src/vault/secret.ts'
import { report, size } from '../chaos/report.ts'
import fc from '../support/fast-check.ts'

const runs = size(20_000, 1_000_000)
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

/** Opens a ciphertext with the key that it names, like the vault. */
async function open(keys: ReadonlyMap<string, KeyObject>, sealed: string, aad: Uint8Array): Promise<Uint8Array> {
  const parsed = parseCiphertext(sealed)
  const key = keys.get(parsed.kid)
  if (!key) throw new Error('unknown key')
  return decrypt(key, parsed, aad)
}

interface Vectors {
  readonly key: string
  readonly kid: string
  readonly context: { environmentId: string; subject: string; field: string; version: number }
  readonly tests: readonly {
    tcId: number
    comment: string
    result: 'valid' | 'invalid'
    text?: string
    sealed: string
  }[]
}

describe('the format of ciphertexts', () => {
  const vectors = JSON.parse(readFileSync(new URL('./ciphertext-vectors.json', import.meta.url), 'utf8')) as Vectors
  const { environmentId, subject, field, version } = vectors.context
  const aad = additionalData(environmentId, subject, field, version)
  const key = importDataKey(Buffer.from(vectors.key, 'hex'))

  it.each(vectors.tests)('treats vector $tcId as $result: $comment', async (vector) => {
    const opening = open(new Map([[vectors.kid, key]]), vector.sealed, aad)
    if (vector.result === 'invalid') await expect(opening).rejects.toThrow()
    else expect(text(await opening)).toBe(vector.text)
  })

  it('opens what its first version wrote', async () => {
    const golden =
      'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiMDAxMTIyMzM0NDU1NjY3NyJ9..P_yFmtsj7tmF8Itq.dG78dPZpKUDgFA.X-hwXXp5ssOiwCMxnTnruw'
    expect(text(await open(new Map([[vectors.kid, key]]), golden, aad))).toBe('ntn_golden')
    const wrapped =
      'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiYzNlZDQ0YTEwNjZkYmYyMSJ9..su25Qqzdaf-cDZuD.i27kgN9Gr_xVhcLFxgadD07pthIZFfVwErSD_dkoBWM.xQSmrkWAyP9LBFTI23jnZg'
    const keys = masterKeys({ primary: new Secret(Buffer.alloc(32, 9).toString('base64')), older: [] })
    const context = { purpose: 'valetkey data key', kid: '0011223344556677' }
    expect(Buffer.from(await keys.unwrap(wrapped, context))).toEqual(Buffer.alloc(32, 5))
    await expect(keys.unwrap(wrapped, { ...context, kid: 'another' })).rejects.toMatchObject({
      kind: 'wrong_master_key',
    })
  })

  it('is opened by a library for JWE, as what that library writes is opened here', async () => {
    const names = { environment: aad, none: additionalData() }
    for (const [name, data] of Object.entries(names))
      for (const plaintext of ['', 'ntn_check', 'é'.repeat(5_000)]) {
        const { header, iv, ciphertext, tag } = parseCiphertext(encrypt(key, vectors.kid, Buffer.from(plaintext), data))
        const opened = await flattenedDecrypt(
          {
            protected: header,
            ...{ iv: base64url(iv), ciphertext: base64url(ciphertext), tag: base64url(tag), aad: base64url(data) },
          },
          Buffer.from(vectors.key, 'hex'),
        )
        expect(text(opened.plaintext), name).toBe(plaintext)
        const written = await new FlattenedEncrypt(Buffer.from(plaintext))
          .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: vectors.kid })
          .setAdditionalAuthenticatedData(data)
          .encrypt(Buffer.from(vectors.key, 'hex'))
        const sealed = `${written.protected}..${written.iv}.${written.ciphertext}.${written.tag}`
        expect(text(await open(new Map([[vectors.kid, key]]), sealed, data)), name).toBe(plaintext)
      }
  })

  it('uses a new IV for every ciphertext', () => {
    const sealed = Array.from({ length: 500 }, () => encrypt(key, vectors.kid, Buffer.from('same'), aad))
    expect(new Set(sealed.map((each) => each.split('.')[2])).size).toBe(500)
  })
})

describe('a changed or moved ciphertext', () => {
  it(
    'never opens',
    async () => {
      const kids = ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb'] as const
      const keys = new Map<string, KeyObject>()
      for (const kid of kids) keys.set(kid, importDataKey(randomBytes(32)))
      const words = ['env', 'other', 'grant', 'access_token', 'refresh_token', '', '"', ',', '["', 'v1']
      const context = fc.tuple(
        fc.constantFrom(...words),
        fc.constantFrom(...words),
        fc.constantFrom(...words),
        fc.integer({ min: 1, max: 3 }),
      )
      type Context = readonly [string, string, string, number]
      const samples = fc
        .sample(fc.tuple(context, fc.constantFrom(...kids), fc.string({ maxLength: 60 })), { numRuns: 200, seed: 7 })
        .map(([sealedFor, kid, plaintext]) => {
          const key = keys.get(kid)
          if (!key) throw new Error('no key')
          return { sealedFor, kid, sealed: encrypt(key, kid, Buffer.from(plaintext), additionalData(...sealedFor)) }
        })
      const sample = fc.constantFrom(...samples)
      type Sample = (typeof samples)[number]
      const same = (one: Context, other: Context) => JSON.stringify(one) === JSON.stringify(other)
      const tampered = fc.oneof(
        // Moved: the same ciphertext in another context.
        fc
          .tuple(sample, context)
          .filter(([{ sealedFor }, askedFor]) => !same(sealedFor, askedFor))
          .map(([{ sealed }, askedFor]) => ({ sealed, askedFor })),
        // One character changed into another.
        fc
          .tuple(sample, fc.nat(), fc.constantFrom(...'ABCwxyz0189-_.=+/ '))
          .map(([{ sealed, sealedFor }, position, character]) => {
            const at = position % sealed.length
            return { sealed: sealed.slice(0, at) + character + sealed.slice(at + 1), askedFor: sealedFor, of: sealed }
          })
          .filter(({ sealed, of }) => sealed !== of),
        // One bit flipped in a decoded part.
        fc.tuple(sample, fc.constantFrom(2, 3, 4), fc.nat()).map(([{ sealed, sealedFor }, part, bit]) => {
          const parts = sealed.split('.')
          const bytes = Buffer.from(parts[part] ?? '', 'base64url')
          if (bytes.length === 0) return { sealed: `${sealed}A`, askedFor: sealedFor }
          const at = bit % (bytes.length * 8)
          bytes.writeUInt8(bytes.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3)
          parts[part] = bytes.toString('base64url')
          return { sealed: parts.join('.'), askedFor: sealedFor }
        }),
        // A part, or the header with the key ID, of another ciphertext.
        fc
          .tuple(sample, sample, fc.constantFrom(0, 2, 3, 4))
          .map(([one, other, part]) => {
            const parts = one.sealed.split('.')
            parts[part] = other.sealed.split('.')[part] ?? ''
            return { sealed: parts.join('.'), askedFor: one.sealedFor, of: one.sealed }
          })
          .filter(({ sealed, of }) => sealed !== of),
        // Shortened or extended.
        fc
          .tuple(sample, fc.nat(), fc.boolean())
          .map(([{ sealed, sealedFor }, length, cut]: [Sample, number, boolean]) => ({
            sealed: cut ? sealed.slice(0, length % sealed.length) : sealed + sealed.slice(length % sealed.length),
            askedFor: sealedFor,
          })),
      )
      let opened = 0
      let tried = 0
      await fc.assert(
        fc.asyncProperty(tampered, async ({ sealed, askedFor }) => {
          tried++
          const result = await open(keys, sealed, additionalData(...askedFor)).then(
            () => 'opened',
            () => 'refused',
          )
          if (result === 'opened') opened++
          return result === 'refused'
        }),
        { numRuns: runs },
      )
      expect({ opened, tried: tried >= runs }).toEqual({ opened: 0, tried: true })
      report('sealed texts tampered with or asked for as something else', tried, 'none opened')
    },
    size(120_000, 3_600_000),
  )
})
