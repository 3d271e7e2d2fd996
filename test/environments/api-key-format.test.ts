import { describe, expect, it } from 'vitest'
import { apiKeyHmac, isMistypedApiKey, newApiKey } from '../../src/environments/api-key-format.ts'
import { Secret } from '../../src/vault/secret.ts'
import fc from '../support/fast-check.ts'

const shape = /^vk_[a-z0-9]{1,16}_[0-9A-Za-z]{36}$/
const base62 = [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz']

describe('an API key', () => {
  it('has a shape that secret scanners recognize, for any environment name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (environmentName) => {
        const { secret, prefix } = newApiKey(environmentName)
        expect(secret.reveal()).toMatch(shape)
        expect(secret.reveal().startsWith(prefix)).toBe(true)
        expect(prefix.length).toBeLessThan(secret.reveal().length - 30)
        expect(isMistypedApiKey(secret.reveal())).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  it('is recognized as mistyped when any one character after the environment differs', () => {
    fc.assert(
      fc.property(fc.nat(35), fc.constantFrom(...base62), (place, character) => {
        const key = newApiKey('default').secret.reveal()
        const at = key.length - 36 + place
        fc.pre(key[at] !== character)
        expect(isMistypedApiKey(key.slice(0, at) + character + key.slice(at + 1))).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is recognized as mistyped when neighbouring characters are swapped', () => {
    fc.assert(
      fc.property(fc.nat(34), (place) => {
        const key = newApiKey('default').secret.reveal()
        const at = key.length - 36 + place
        fc.pre(key[at] !== key[at + 1])
        const swapped = `${key.slice(0, at)}${key[at + 1]}${key[at]}${key.slice(at + 2)}`
        expect(isMistypedApiKey(swapped)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  it('does not take a key that an operator chose for a mistyped one', () => {
    for (const chosen of ['test', 'vk_', 'vk_test', 'vk_default_short', 'Bearer', 'a.b.c']) {
      expect(isMistypedApiKey(chosen)).toBe(false)
    }
  })

  it('uses every character of its alphabet equally often', () => {
    const counts = new Map(base62.map((character) => [character, 0]))
    for (let made = 0; made < 2_000; made++) {
      for (const character of newApiKey('e').secret.reveal().slice(5, 35)) {
        counts.set(character, (counts.get(character) ?? 0) + 1)
      }
    }
    const expected = (2_000 * 30) / 62
    // Seven standard deviations: a fair source fails this once in many billions of runs.
    const tolerance = 7 * Math.sqrt(expected)
    for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(tolerance)
  })

  it('is stored as an HMAC that depends on the pepper', () => {
    const key = newApiKey('default').secret.reveal()
    const hmac = apiKeyHmac(new Secret('pepper'), key)
    expect(hmac).toMatch(/^[0-9a-f]{64}$/)
    expect(apiKeyHmac(new Secret('another'), key)).not.toBe(hmac)
    // RFC 4231, test case 2.
    expect(apiKeyHmac(new Secret('Jefe'), 'what do ya want for nothing?')).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    )
  })
})
