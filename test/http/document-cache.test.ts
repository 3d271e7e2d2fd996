import { expect, it } from 'vitest'
import { documentCache } from '../../src/http/document-cache.ts'

it('the cache of documents is bounded by their texts, not by their number', () => {
  const cache = documentCache()
  for (let at = 0; at < 5_000; at += 1) cache.set(`query Q${at} { __typename } ${'#'.repeat(at)}`, {})
  expect([...cache.keys()].join('').length).toBeLessThanOrEqual(400_000)
  expect(cache.get(`query Q4999 { __typename } ${'#'.repeat(4_999)}`)).toBeDefined()
  expect(cache.size).toBeGreaterThan(50)
})

it('a long text is not remembered, and displaces none', () => {
  const cache = documentCache()
  cache.set('{ __typename }', {})
  cache.set('#'.repeat(60_000), {})
  expect([...cache.keys()]).toEqual(['{ __typename }'])
})
