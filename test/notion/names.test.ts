import { describe, expect, it } from 'vitest'
import { alikeNamed, exactlyNamed, looksLike, named, withId } from '../../src/notion/names.ts'
import { checkRow } from '../../src/notion/rows.ts'
import { findProperty, type PropertySchema } from '../../src/notion/schema-cache.ts'

const items = (...names: string[]) => names.map((name) => ({ name, id: `id-${name}` }))

describe('names', () => {
  it.each([
    ['Cafe\u0301', 'Caf\u00e9'],
    ['Due\u00a0 date', 'Due date'],
    ['\u2764\ufe0f Heart', '\u2764 Heart'],
    ['\u201cQ3\u201d \u2013 plan\u2026', '"Q3" - plan...'],
    ['zero\u200bwidth', 'zerowidth'],
  ])('%j looks like %j', (name, other) => {
    expect(looksLike(name, other)).toBe(true)
    expect(named(items('Other', other), name)).toMatchObject({ name: other })
  })

  it('prefers the same name, and decides for none of several that look alike', () => {
    const list = items('a b', 'a\u00a0b', 'c')
    expect(named(list, 'a\u00a0b')).toBe(list[1])
    expect(named(list, 'a  b')).toBeUndefined()
    expect(alikeNamed(list, 'a  b')).toHaveLength(2)
    expect(exactlyNamed(list, 'a  b')).toBeUndefined()
    expect(withId(list, 'id-c')).toBe(list[2])
    expect(named(list, 'C')).toBeUndefined()
  })

  it('reads the names of a list once, however many are looked up', () => {
    let reads = 0
    const count = 300
    const schemas: readonly PropertySchema[] = Array.from({ length: count }, (_, index) => ({
      id: `p${index}`,
      type: 'checkbox',
      options: [],
      groups: [],
      get name() {
        reads += 1
        return `Caf\u00e9 ${index}`
      },
    }))
    const values = Object.fromEntries(Array.from({ length: count }, (_, index) => [`Cafe\u0301 ${index}`, true]))
    const { issues, properties } = checkRow(schemas, values)
    expect(issues).toEqual([])
    expect(Object.keys(properties)).toHaveLength(count)
    expect(reads).toBeLessThan(count * 10)
    expect(findProperty(schemas, 'p7')?.id).toBe('p7')
  })
})
