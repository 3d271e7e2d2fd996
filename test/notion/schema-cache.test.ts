import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ConnectedAccount } from '../../src/accounts/connected-account.ts'
import { createSchemaCache } from '../../src/notion/schema-cache.ts'

describe('the cache of schemas', () => {
  const newAccount = () => ({ id: randomUUID() }) as ConnectedAccount

  /** Notes a data source for an account of its own, with one property of this many options. Returns whether it is cached. */
  const noted = (schemas: ReturnType<typeof createSchemaCache>, options: number) => {
    const [account, id] = [newAccount(), randomUUID()]
    const select = { options: Array.from({ length: options }, (_, at) => ({ id: randomUUID(), name: `Option ${at}` })) }
    const properties = { Tags: { id: 'tags', type: 'select', select } }
    schemas.note(account, { object: 'data_source', id, properties })
    return () => schemas.properties.get(account, id) !== undefined
  }

  it('is bounded by the size of the schemas: it forgets those that were used least recently', () => {
    const schemas = createSchemaCache(() => 0)
    const small = noted(schemas, 1)
    // Of about 300 KB each.
    const large = Array.from({ length: 50 }, () => noted(schemas, 5_000))
    const cached = large.map((isCached) => isCached())
    expect(small()).toBe(false)
    expect(cached.lastIndexOf(false)).toBeLessThan(cached.indexOf(true))
    const count = cached.filter(Boolean).length
    expect(count).toBeGreaterThan(20)
    expect(count).toBeLessThan(40)
  })

  it('has more than five thousand small schemas', () => {
    const schemas = createSchemaCache(() => 0)
    const small = Array.from({ length: 6_000 }, () => noted(schemas, 2))
    expect(small.every((isCached) => isCached())).toBe(true)
  })

  it('holds no schema that is so large that it displaces those of others', () => {
    const schemas = createSchemaCache(() => 0)
    const small = noted(schemas, 1)
    expect(noted(schemas, 20_000)()).toBe(false)
    expect(small()).toBe(true)
  })
})
