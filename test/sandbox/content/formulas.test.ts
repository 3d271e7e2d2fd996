import { describe, expect, it } from 'vitest'
import type { DataSource, Json, Page, PropertySchema } from '../../../src/sandbox/model.ts'
import { createEvaluation } from '../../../src/sandbox/query/computed.ts'
import { createStore } from '../../../src/sandbox/store.ts'
import fc from '../../support/fast-check.ts'

const now = Date.parse('2026-07-15T10:30:00.000Z')

const stamps = { createdTime: now, lastEditedTime: now, createdBy: 'someone', lastEditedBy: 'someone' }

const column = (id: string, name: string, type: string, config: Record<string, Json> = {}): PropertySchema => ({
  id,
  name,
  type,
  description: null,
  config,
})

/** Evaluates a formula in a row with a number, a text, a date, a checkbox and an empty number. */
function evaluate(expression: string) {
  const store = createStore()
  const source: DataSource = {
    id: 'source',
    workspaceId: 'w',
    databaseId: 'd',
    title: '',
    description: '',
    icon: null,
    inTrash: false,
    templates: [],
    nextUniqueId: 1,
    properties: [
      column('title', 'Name', 'title'),
      column('n', 'Number', 'number'),
      column('e', 'Empty', 'number'),
      column('d', 'Day', 'date'),
      column('c', 'Done', 'checkbox'),
      column('f', 'F', 'formula', { expression }),
    ],
    ...stamps,
  }
  store.dataSources.put(source)
  const page: Page = {
    id: 'page',
    workspaceId: 'w',
    parent: { type: 'data_source_id', id: 'source' },
    properties: { title: 'Plan', n: 7, c: true, d: { start: '2026-01-31', end: null, time_zone: null } },
    icon: null,
    cover: null,
    inTrash: false,
    isArchived: false,
    isLocked: false,
    publicUrl: null,
    access: null,
    children: [],
    ...stamps,
  }
  store.pages.put(page)
  const formula = source.properties.find(({ id }) => id === 'f')
  if (formula === undefined) throw new Error('no formula')
  return createEvaluation(store, now).formula(formula, page).value
}

const day = (start: string) => ({ start, end: null, time_zone: null })

describe('formulas', () => {
  it.each<[string, unknown]>([
    ['1 + 2 * 3 ^ 2', 19],
    ['(1 + 2) * 3 - -4', 13],
    ['7 % 4 / 2', 1.5],
    ['2 ^ 3 ^ 2', 512],
    ['prop("Number") * 2', 14],
    ['prop("Name") + "!"', 'Plan!'],
    ['concat(prop("Name"), " ", prop("Number"))', 'Plan 7'],
    ['length(prop("Name")) + "Plan".length()', 8],
    ['if(prop("Done"), "yes", "no")', 'yes'],
    ['prop("Number") > 5 ? "big" : "small"', 'big'],
    ['ifs(prop("Number") > 9, "a", prop("Number") > 5, "b", "c")', 'b'],
    ['prop("Number") >= 7 and not empty(prop("Name"))', true],
    ['prop("Number") == 8 || prop("Number") != 7', false],
    ['empty(prop("Empty"))', true],
    ['round(2.345, 2)', 2.35],
    ['min(3, 1, 2) + max(3, 1, 2)', 4],
    ['contains(prop("Name"), "la")', true],
    ['upper(prop("Name")).replaceAll("P", "C")', 'CLAN'],
    ['substring("abcdef", 1, 3)', 'bc'],
    ['dateAdd(prop("Day"), 1, "months")', day('2026-02-28')],
    ['dateSubtract(prop("Day"), 1, "weeks")', day('2026-01-24')],
    ['dateBetween(prop("Day"), dateAdd(prop("Day"), -10, "days"), "days")', 10],
    ['year(prop("Day")) * 100 + month(prop("Day"))', 202601],
    ['today()', day('2026-07-15')],
    ['now()', day('2026-07-15T10:30:00.000Z')],
    ['1 / 0', null],
    ["'it\\'s'", "it's"],
  ])('computes %s', (expression, expected) => {
    expect(evaluate(expression)).toEqual(expected)
  })

  it.each([
    '',
    'prop(',
    'prop("Nowhere")',
    'map([1], current)',
    'launch()',
    '1 +',
    'dateAdd("x", 1, "days")',
    'constructor()',
    'toString()',
  ])('has no value for the invalid expression %j', (expression) => {
    expect(evaluate(expression)).toBeNull()
  })

  it('terminates when formulas refer to themselves', () => {
    expect(evaluate(Array(50).fill('prop("F")').join('+'))).toBeNull()
  })

  it('has no value for results that are too long', () => {
    expect(evaluate('repeat("x", 1000000)')).toBeNull()
    expect(evaluate('replaceAll(repeat("x", 90000), "x", repeat("y", 90000))')).toBeNull()
  })

  it('returns a value or null for any text, and never throws', () => {
    const part = fc.constantFrom(
      'prop("Number")',
      'prop("Day")',
      '(',
      ')',
      '+',
      '-',
      ',',
      '.',
      '"a"',
      '2',
      'if',
      'dateAdd(',
      'round(',
      '? ',
      ': ',
      'not ',
      'true',
      '^',
      'repeat(',
      'year(',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const value = evaluate(parts.join(''))
        expect(['string', 'number', 'boolean', 'object']).toContain(typeof value)
      }),
      { numRuns: 300 },
    )
  })
})
